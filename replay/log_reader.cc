#include "tidemark/log_reader.h"

namespace tidemark {
namespace {

std::string described(TimeShape shape, const std::string& name) {
  return "\"" + name + "\" (" + std::to_string(shape.words) + " words)";
}

std::string described(RecordEncoding encoding, const std::string& name) {
  return "\"" + name + "\" (" + (encoding == RecordEncoding::Fixed ? "fixed" : "variable") +
         " records)";
}

tl::unexpected<Error> differs(uint32_t stream, const std::string& what, const std::string& found,
                              const std::string& expected) {
  auto error = fail(ErrorCode::InvalidArgument,
                    "the stream's " + what + " are " + found + ", the reader's " + expected);
  error.value().stream = stream;
  return error;
}

}  // namespace

Result<void> check_traits(const StreamTraits& traits, TimeShape time, const std::string& time_name,
                          RecordEncoding encoding, const std::string& container_name) {
  if (traits.time != time) {
    return differs(traits.stream, "times", described(traits.time, traits.time_name),
                   described(time, time_name));
  }
  const bool same_container =
      traits.container_name.empty() || traits.container_name == container_name;
  if (traits.encoding != encoding || !same_container) {
    return differs(traits.stream, "containers", described(traits.encoding, traits.container_name),
                   described(encoding, container_name));
  }
  return {};
}

tl::unexpected<Error> fail_time(const Time& time, const std::string& time_name) {
  return fail(ErrorCode::InvalidArgument,
              "time " + time.text() + " of the stream is none of the type " + time_name);
}

}  // namespace tidemark
