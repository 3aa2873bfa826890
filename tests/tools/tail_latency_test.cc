#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "tidemark/log.h"

using namespace tidemark;
using namespace std::chrono_literals;

namespace {

// The command, with its standard output in a pipe.
class Running {
 public:
  explicit Running(std::vector<std::string> arguments) {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> pointers;
    arguments.insert(arguments.begin(), TIDEMARK_COMMAND);
    pointers.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    REQUIRE(posix_spawn(&process_, TIDEMARK_COMMAND, &actions, nullptr, pointers.data(), environ) ==
            0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
  }
  ~Running() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    close(output_);
  }
  // Waits for the next bytes of its output.
  std::string read_some() {
    std::array<char, 4096> bytes{};
    const ssize_t count = read(output_, bytes.data(), bytes.size());
    return {bytes.data(), static_cast<size_t>(std::max<ssize_t>(count, 0))};
  }

 private:
  pid_t process_ = 0;
  int output_ = -1;
};

// Half of a reader's longest sleep: whoever is shown a record sooner was woken by its commit. How
// much sooner is printed, and is no assertion: a busy machine may take its time.
constexpr auto kSleptThrough = 50ms;

}  // namespace

TEST_CASE("tail -f is woken by each commit, and says how soon it shows it") {
  std::string directory = "/tmp/tidemark-tail-XXXXXX";
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  const auto log = Log::open(directory + "/log");
  REQUIRE(log);
  auto writer = log->writer(0);
  REQUIRE(writer);
  const auto append = [&](std::string_view record) {
    const uint64_t time = 0;
    REQUIRE(writer->append_messages(std::span(&time, 1), std::span(&record, 1)));
  };
  append("first");
  Running tail({"tail", directory + "/log", "-f"});
  REQUIRE(tail.read_some() == "first\n");

  std::vector<std::chrono::nanoseconds> delays;
  for (size_t i = 0; i < 300; ++i) {
    // Long enough for tail to have fallen asleep again.
    std::this_thread::sleep_for(2ms);
    const std::string text = std::to_string(i);
    append(text);
    const auto committed = std::chrono::steady_clock::now();
    REQUIRE(tail.read_some() == text + "\n");
    delays.push_back(std::chrono::steady_clock::now() - committed);
  }
  REQUIRE(writer->close());
  std::filesystem::remove_all(directory);

  // The median: a machine that is busy with other things may delay some of them.
  std::sort(delays.begin(), delays.end());
  const auto microseconds = [](auto time) { return static_cast<double>(time.count()) / 1000; };
  WARN("median " << microseconds(delays[150]) << " us, 99% " << microseconds(delays[297]) << " us");
  CHECK(delays[150] < kSleptThrough);
}
