#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/catch.h"
#include "tidemark/log.h"

using namespace tidemark;
using Json = nlohmann::json;

namespace {

// A log with a stream of two-dimensional times and one that nobody wrote.
class SmallLog {
 public:
  SmallLog() {
    REQUIRE(mkdtemp(directory_.data()) != nullptr);
    LogOptions options;
    options.peers = 2;
    const auto log = Log::open(path(), options);
    REQUIRE(log);
    WriterOptions writing;
    writing.time = TimeShape{.words = 2};
    writing.time_name = "(u64, u64)";
    auto writer = log->writer(0, writing);
    REQUIRE(writer);
    const std::array<uint64_t, 2> time = {7, 1};
    const std::array<std::string_view, 2> records = {"caf\xc3\xa9 \"x\"", "\xff\x01"};
    REQUIRE(writer->append_messages(time, records));
    const std::array<Change, 3> changes = {
        {{Time::minimum(writing.time), -1},
         {Time(writing.time, time), 1},
         {Time(writing.time, std::array<uint64_t, 2>{1, 9}), 2}}};
    REQUIRE(writer->append_progress(changes));
    REQUIRE(writer->close());
  }
  ~SmallLog() { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ + "/log"; }

  // What a command prints, line by line.
  std::vector<std::string> lines_of(const std::string& arguments) const {
    const std::string command = std::string(TIDEMARK_COMMAND) + " " + arguments + " 2>/dev/null";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) text += static_cast<char>(c);
    CHECK(pclose(pipe) == 0);
    std::vector<std::string> lines;
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      lines.push_back(text.substr(begin, end - begin));
    }
    return lines;
  }
  Json document_of(const std::string& arguments) const {
    std::string text;
    for (const std::string& line : lines_of(arguments)) text += line;
    return Json::parse(text);
  }

 private:
  std::string directory_ = "/tmp/tidemark-json-XXXXXX";
};

}  // namespace

TEST_CASE("cat prints events as one JSON line each") {
  const SmallLog log;
  const auto lines = log.lines_of("cat " + log.path());
  REQUIRE(lines.size() == 2);
  const Json messages = Json::parse(lines[0]);
  const std::string position = messages["position"];
  CHECK(lines[0] == R"({"stream":0,"position":")" + position +
                        R"(","sequence":"0","kind":"messages","time":["7","1"],)"
                        R"("records":["café \"x\"",{"base64":"/wE="}]})");
  const Json progress = Json::parse(lines[1]);
  CHECK(progress["sequence"] == "1");
  CHECK(progress["kind"] == "progress");
  CHECK(progress["changes"] == Json::parse(R"([[["0","0"],-1],[["7","1"],1],[["1","9"],2]])"));
}

TEST_CASE("replay puts each record into an envelope") {
  const SmallLog log;
  const auto lines = log.lines_of("replay --format ndjson --streams 0 " + log.path());
  REQUIRE(lines.size() == 2);
  const Json first = Json::parse(lines[0]);
  CHECK(first["stream"] == 0);
  CHECK(first["time"] == Json::parse(R"(["7","1"])"));
  CHECK(first["record"] == "café \"x\"");
  CHECK(first["captured_at"].get<std::string>().size() == 19);
  CHECK(Json::parse(lines[1])["record"] == Json::parse(R"({"base64":"/wE="})"));
  CHECK(log.lines_of("replay --streams 0 --from 7,2 " + log.path()).empty());
  CHECK(log.lines_of("replay --streams 0 --from 7,1 " + log.path()).size() == 2);
}

TEST_CASE("info says as JSON what stands in a log") {
  const SmallLog log;
  const Json json = log.document_of("info --format json " + log.path());
  CHECK(json["records"] == "2");
  REQUIRE(json["streams"].size() == 2);
  const Json& stream = json["streams"][0];
  CHECK(stream["state"] == "open");
  CHECK(stream["writing"] == false);
  CHECK(stream["events"] == "2");
  CHECK(stream["data_bytes"] == "11");
  CHECK(stream["frontier"] == Json::parse(R"([["1","9"],["7","1"]])"));
  CHECK(stream["times"]["least"] == Json::parse(R"(["7","1"])"));
  CHECK(stream["time_name"] == "(u64, u64)");
  CHECK(stream["segments"].size() == 1);
  CHECK(json["streams"][1]["state"] == "empty");
}

TEST_CASE("verify gives its verdict as JSON") {
  const SmallLog log;
  const Json json = log.document_of("verify --format json " + log.path());
  CHECK(json["damaged"] == false);
  REQUIRE(json["streams"].size() == 2);
  CHECK(json["streams"][0]["records"] == "2");
  CHECK(json["streams"][0]["damage"].empty());
  CHECK(json["log_damage"].empty());
}
