#include "line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "support/catch.h"

using namespace tidemark::tools;
using namespace std::chrono_literals;
using Fill = LineReader::Fill;

namespace {

// A pipe that a test writes into.
class Pipe {
 public:
  Pipe() { REQUIRE(pipe2(ends_, O_CLOEXEC) == 0); }
  ~Pipe() {
    close(ends_[0]);
    end();
  }
  int reading() const { return ends_[0]; }
  void write(std::string_view text) {
    REQUIRE(::write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void end() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

// All lines up to the end of input.
std::vector<std::string> all_lines(LineReader& reader) {
  std::vector<std::string> lines;
  bool ended = false;
  while (true) {
    while (const auto line = reader.next()) lines.emplace_back(*line);
    if (ended || reader.too_long()) return lines;
    ended = reader.fill(std::nullopt) == Fill::End;
  }
}

std::vector<std::string> lines_of(std::string_view text) {
  Pipe pipe;
  pipe.write(text);
  pipe.end();
  LineReader reader(pipe.reading(), 1000);
  return all_lines(reader);
}

}  // namespace

TEST_CASE("lines are any bytes and the last one needs no newline") {
  using namespace std::string_literals;
  using Lines = std::vector<std::string>;
  CHECK(lines_of("").empty());
  CHECK(lines_of("a") == Lines{"a"});
  CHECK(lines_of("a\n") == Lines{"a"});
  CHECK(lines_of("\n\n") == Lines{"", ""});
  CHECK(lines_of("a\0b\n\xff\r\nlast"s) == Lines{"a\0b"s, "\xff\r", "last"});
}

TEST_CASE("a line that comes in pieces is whole") {
  Pipe pipe;
  LineReader reader(pipe.reading(), 1000);
  pipe.write("one\ntw");
  CHECK(reader.fill(1s) == Fill::More);
  CHECK(reader.next() == "one");
  CHECK_FALSE(reader.next());
  CHECK(reader.fill(1ms) == Fill::TimedOut);
  pipe.write("o\n");
  CHECK(reader.fill(1s) == Fill::More);
  CHECK(reader.next() == "two");
  CHECK(reader.lines() == 2);
  CHECK(reader.bytes() == 8);
}

TEST_CASE("a line of the limit is taken and a longer one is not") {
  for (const size_t length : {size_t{1000}, size_t{1001}, size_t{60'000}}) {
    for (const char* newline : {"\n", ""}) {
      Pipe pipe;
      pipe.write("first\n" + std::string(length, 'x') + newline);
      pipe.end();
      LineReader reader(pipe.reading(), 1000);
      const auto lines = all_lines(reader);
      CAPTURE(length);
      CHECK(lines.size() == (length == 1000 ? 2 : 1));
      CHECK(reader.too_long() == (length > 1000));
    }
  }
}

TEST_CASE("an endless line is refused before it is all in memory") {
  const int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  LineReader reader(zeros, 1 << 20);
  size_t fills = 0;
  while (!reader.next() && !reader.too_long() && fills < 1000) {
    reader.fill(std::nullopt);
    ++fills;
  }
  CHECK(reader.too_long());
  CHECK(fills < 40);
  close(zeros);
}

TEST_CASE("long lines survive the growth of the buffer") {
  char name[] = "/tmp/tidemark-lines-XXXXXX";
  const int file = mkstemp(name);
  unlink(name);
  std::vector<std::string> written;
  std::string text;
  for (size_t i = 0; i < 200; ++i) {
    written.emplace_back(i * i * 13 % 300'000, static_cast<char>('a' + i % 26));
    text += written.back() + '\n';
  }
  REQUIRE(write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  lseek(file, 0, SEEK_SET);
  LineReader reader(file, 300'000);
  CHECK(reader.is_file());
  CHECK(all_lines(reader) == written);
  close(file);
}
