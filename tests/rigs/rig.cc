#include "rig.h"

#include <csignal>
#include <cstdio>
#include <cstring>

#include <unistd.h>

namespace tidemark::rig {
namespace {

// For the handler below, which may not allocate.
thread_local char dying_words[512];

extern "C" void say_what_died(int signal_number) {
  (void)!::write(STDERR_FILENO, dying_words, std::strlen(dying_words));
  std::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      result += ' ';
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace

Rig::Rig(std::string name, Options options) : name_(std::move(name)), options_(std::move(options)) {
  // An assertion of the library is a finding like any other.
  std::signal(SIGABRT, say_what_died);
}

std::atomic<uint64_t>& Rig::counter(std::string_view name) {
  const std::lock_guard lock(mutex_);
  for (auto& [known, value] : counters_) {
    if (known == name) return value;
  }
  return counters_
      .emplace_back(std::piecewise_construct, std::forward_as_tuple(name), std::forward_as_tuple(0))
      .second;
}

void Rig::fail(const std::string& what, uint64_t case_number) {
  const std::lock_guard lock(mutex_);
  if (failed_.load()) return;
  failure_ = what;
  failed_case_ = case_number;
  failed_.store(true);
}

double Rig::seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

bool Rig::should_stop() {
  if (failed()) return true;
  if (options_.seconds > 0 && seconds() >= options_.seconds) {
    out_of_time_.store(true, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void Rig::progress(uint64_t done, uint64_t total) {
  const auto now_ms = static_cast<int64_t>(seconds() * 1000);
  int64_t due = next_line_ms_.load(std::memory_order_relaxed);
  if (now_ms < due || !next_line_ms_.compare_exchange_strong(due, now_ms + 1000)) return;
  const std::lock_guard lock(mutex_);
  std::fprintf(stderr, "%s: %llu of %llu, %lld s", name_.c_str(),
               static_cast<unsigned long long>(done), static_cast<unsigned long long>(total),
               static_cast<long long>(now_ms / 1000));
  for (const auto& [name, value] : counters_) {
    if (value.load() > 0) {
      std::fprintf(stderr, ", %llu %s", static_cast<unsigned long long>(value.load()),
                   name.c_str());
    }
  }
  std::fputc('\n', stderr);
}

std::string Rig::reproduction(uint64_t case_number) const {
  std::string command = options_.bug.empty() ? "tidemark_rigs " : "tidemark_rigs_planted ";
  command += name_ + " --seed " + std::to_string(options_.seed);
  if (options_.count > 0) command += " --count " + std::to_string(options_.count);
  if (!options_.bug.empty()) command += " --bug " + options_.bug;
  return command + " --only " + std::to_string(case_number);
}

void Rig::at_case(uint64_t case_number) {
  std::snprintf(dying_words, sizeof dying_words, "died; to see it again: %s\n",
                reproduction(case_number).c_str());
}

int Rig::skip(const std::string& reason) {
  std::fprintf(stderr, "%s: skipped: %s\n", name_.c_str(), reason.c_str());
  std::printf("{\"rig\":%s,\"skipped\":%s}\n", quoted(name_).c_str(), quoted(reason).c_str());
  return 77;
}

int Rig::finish() {
  std::string json = "{\"rig\":" + quoted(name_);
  json += ",\"passed\":" + std::string(failed() ? "false" : "true");
  json += ",\"complete\":" + std::string(out_of_time_.load() || failed() ? "false" : "true");
  json += ",\"seed\":" + std::to_string(options_.seed);
  if (!options_.bug.empty()) json += ",\"bug\":" + quoted(options_.bug);
  char time_text[32];
  std::snprintf(time_text, sizeof time_text, "%.3f", seconds());
  json += std::string(",\"seconds\":") + time_text;
  for (const auto& [name, value] : counters_) {
    json += "," + quoted(name) + ":" + std::to_string(value.load());
  }
  if (failed()) {
    const std::string command = reproduction(failed_case_);
    json += ",\"failure\":" + quoted(failure_) + ",\"reproduce\":" + quoted(command);
    std::fprintf(stderr, "%s: FAILED: %s\nto see it again: %s\n", name_.c_str(), failure_.c_str(),
                 command.c_str());
  }
  std::printf("%s}\n", json.c_str());
  return failed() ? 1 : 0;
}

}  // namespace tidemark::rig
