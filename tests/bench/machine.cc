#include "machine.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <fstream>
#include <sstream>

#include "measure/bare_loops.h"

namespace tidemark::bench {
namespace {

// What follows `key` and its separator in the first line of a file that begins with it.
std::string field(const char* file, const std::string& key, char separator) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(key)) continue;
    const size_t at = line.find(separator);
    if (at == std::string::npos) continue;
    std::string value = line.substr(at + 1);
    const size_t first = value.find_first_not_of(" \t\"");
    const size_t last = value.find_last_not_of(" \t\"");
    return first == std::string::npos ? "" : value.substr(first, last - first + 1);
  }
  return "unknown";
}

int usable_processors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

// The mount whose device is that of `directory`, as the kernel lists them.
std::string storage_of(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return "unknown";
  const std::string device =
      fmt::format("{}:{}", gnu_dev_major(status.st_dev), gnu_dev_minor(status.st_dev));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string skipped;
    std::string found;
    words >> skipped >> skipped >> found;
    const size_t at = line.find(" - ");
    if (found != device || at == std::string::npos) continue;
    std::istringstream rest(line.substr(at + 3));
    std::string type;
    std::string source;
    rest >> type >> source;
    return type.append(" on ").append(source);
  }
  return "unknown";
}

}  // namespace

std::string load_average() {
  std::ifstream file("/proc/loadavg");
  std::string value;
  return file >> value ? value : "unknown";
}

Machine describe_machine(const std::string& directory) {
  Machine machine;
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  machine.date = fmt::format("{:%Y-%m-%d %H:%M} UTC", *gmtime_r(&now, &parts));
  machine.processor = fmt::format(
      "{} x {}{}", usable_processors(), field("/proc/cpuinfo", "model name", ':'),
      field("/proc/cpuinfo", "flags", ':').find(" hypervisor") != std::string::npos ? ", virtual"
                                                                                    : "");
  const auto bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  machine.memory = fmt::format("{:.0f} GiB", static_cast<double>(bytes) / (1ULL << 30));
  utsname name{};
  ::uname(&name);
  machine.system =
      fmt::format("{}, Linux {}", field("/etc/os-release", "PRETTY_NAME", '='), name.release);
  machine.storage = storage_of(directory);
  machine.build = TIDEMARK_BENCH_BUILD;
  machine.xxh3 = measure::bare_loops().name;
  machine.load = load_average();
  return machine;
}

}  // namespace tidemark::bench
