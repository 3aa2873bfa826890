#include "json_line.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "terminal.h"

namespace tidemark::tools {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::InvalidArgument, std::move(message));
}

// What the parser expected, out of its "[json.exception...] parse error at line 1, column 5: syntax
// error while parsing value - unexpected end of input; expected ...". The line number would only
// confuse here, and the last token may be as long as the line.
std::string reason_of(std::string_view what) {
  const size_t dash = what.find(" - ");
  if (dash == std::string_view::npos) return {};
  what.remove_prefix(dash + 3);
  what = what.substr(0, what.find("; "));
  return printable(what.substr(0, 100));
}

// Receives the parser's events; false ends the parsing.
class Handler final : public nlohmann::json_sax<Json> {
 public:
  Handler(const std::vector<std::string>& names, std::vector<JsonField>& fields)
      : names_(names), fields_(fields) {}

  std::string problem;

  bool null() override { return value(JsonField::Kind::Literal, "null"); }
  bool boolean(bool on) override { return value(JsonField::Kind::Literal, on ? "true" : "false"); }
  bool number_integer(number_integer_t number) override {
    return value(JsonField::Kind::Number, wanted() ? std::to_string(number) : std::string());
  }
  bool number_unsigned(number_unsigned_t number) override {
    return value(JsonField::Kind::Number, wanted() ? std::to_string(number) : std::string());
  }
  bool number_float(number_float_t, const string_t& text) override {
    return value(JsonField::Kind::Number, text);
  }
  bool string(string_t& text) override { return value(JsonField::Kind::String, text); }
  bool binary(binary_t&) override { return false; }

  bool start_object(size_t) override {
    if (depth_ > 0 && !value(JsonField::Kind::Structured, {})) return false;
    return descend();
  }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    current_ = nullptr;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) current_ = &fields_[i];
    }
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(size_t) override { return value(JsonField::Kind::Structured, {}) && descend(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(size_t position, const std::string&, const Json::exception& error) override {
    const std::string reason = reason_of(error.what());
    problem = fmt::format("is no JSON: byte {}{}{}", position, reason.empty() ? "" : ": ", reason);
    return false;
  }

 private:
  bool wanted() const { return depth_ == 1 && current_ != nullptr; }

  bool value(JsonField::Kind kind, std::string_view text) {
    if (depth_ == 0) {
      problem = "is no JSON object";
      return false;
    }
    if (!wanted()) return true;
    current_->kind = kind;
    current_->text = text;
    current_ = nullptr;
    return true;
  }

  bool descend() {
    if (++depth_ <= JsonLine::kMaxDepth) return true;
    problem = fmt::format("is nested deeper than {} levels", JsonLine::kMaxDepth);
    return false;
  }

  const std::vector<std::string>& names_;
  std::vector<JsonField>& fields_;
  JsonField* current_ = nullptr;  // the wanted field whose value comes next
  size_t depth_ = 0;
};

}  // namespace

JsonLine::JsonLine(std::vector<std::string> names)
    : names_(std::move(names)), fields_(names_.size()) {}

Result<void> JsonLine::parse(std::string_view line) {
  for (JsonField& field : fields_) {
    field.kind = JsonField::Kind::Absent;
    field.text.clear();
  }
  // The parser takes a NUL for the end of its input, and would not look at what follows.
  const size_t nul = line.find('\0');
  if (nul != std::string_view::npos) {
    return refuse(fmt::format("is no JSON: byte {} is NUL", nul + 1));
  }
  Handler handler(names_, fields_);
  if (Json::sax_parse(line.begin(), line.end(), &handler)) return {};
  return refuse(handler.problem.empty() ? "is no JSON" : std::move(handler.problem));
}

Result<uint64_t> time_of(const JsonField& field, TimeFormat format) {
  switch (field.kind) {
    case JsonField::Kind::Number:
      return parse_number_time(field.text, format);
    case JsonField::Kind::String:
      // Producers whose numbers are doubles write integers beyond 2^53 as strings.
      return format == TimeFormat::Rfc3339 ? parse_rfc3339(field.text)
                                           : parse_number_time(field.text, format);
    case JsonField::Kind::Absent:
      return refuse("is not there");
    case JsonField::Kind::Literal:
      return refuse(fmt::format("is {}", field.text));
    case JsonField::Kind::Structured:
      return refuse("is an array or an object");
  }
  return refuse("is not there");
}

Result<std::string_view> key_of(const JsonField& field) {
  if (field.kind == JsonField::Kind::Absent) return refuse("is not there");
  if (field.kind == JsonField::Kind::Structured) return refuse("is an array or an object");
  return std::string_view(field.text);
}

}  // namespace tidemark::tools
