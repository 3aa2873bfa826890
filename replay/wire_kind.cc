#include "tidemark/wire_kind.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace tidemark {
namespace {

std::string text_of(const WireKind& kind) {
  const auto mask = [](uint8_t bits) { return std::to_string(static_cast<unsigned>(bits)); };
  return "times \"" + kind.time_name + "\" of " + std::to_string(kind.time.words) +
         " words (wide " + mask(kind.time.wide_mask) + ", signed " + mask(kind.time.signed_mask) +
         "), " + (kind.encoding == RecordEncoding::Fixed ? "fixed" : "variable") + " records \"" +
         kind.container_name + "\"";
}

bool names_agree(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() || a == b;
}

template <size_t N>
Result<void> set_name(char (&field)[N], std::string_view name) {
  if (name.size() >= N || name.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::InvalidArgument, "\"" + std::string(name) + "\" is no name of at most " +
                                                std::to_string(N - 1) + " bytes");
  }
  std::copy(name.begin(), name.end(), std::begin(field));
  return {};
}

}  // namespace

Result<void> check_frame_limit(uint64_t max_frame_bytes) {
  if (max_frame_bytes < kMinFrameLimit || max_frame_bytes > kMaxFrameLimit) {
    return fail(ErrorCode::InvalidArgument,
                "the bound on a frame is between 64 KiB and 1 GiB, not " +
                    std::to_string(max_frame_bytes) + " bytes");
  }
  return {};
}

Result<WireHello> hello_of(const WireKind& kind, uint64_t salt) {
  if (!kind.time.validate()) {
    return fail(ErrorCode::InvalidArgument, "no stream can have " + text_of(kind));
  }
  WireHello hello{};
  hello.format_minor = kFormatMinor;
  hello.time_words = kind.time.words;
  hello.time_wide_mask = kind.time.wide_mask;
  hello.time_signed_mask = kind.time.signed_mask;
  hello.record_encoding = static_cast<uint8_t>(kind.encoding);
  hello.salt = salt;
  TIDEMARK_TRY(set_name(hello.time_name, kind.time_name));
  TIDEMARK_TRY(set_name(hello.container_name, kind.container_name));
  finish_hello(hello);
  return hello;
}

WireKind kind_of(const WireHello& hello) {
  return {hello.time_shape(), hello.time_name, static_cast<RecordEncoding>(hello.record_encoding),
          hello.container_name};
}

Result<void> check_agreement(const WireKind& found, const WireKind& expected) {
  if (found.time == expected.time && found.encoding == expected.encoding &&
      names_agree(found.time_name, expected.time_name) &&
      names_agree(found.container_name, expected.container_name)) {
    return {};
  }
  return fail(ErrorCode::InvalidArgument,
              "the stream has " + text_of(found) + ", not " + text_of(expected));
}

}  // namespace tidemark
