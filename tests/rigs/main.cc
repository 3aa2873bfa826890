// The rigs as one command. README.md says what each one does.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "rig.h"
#include "tidemark/planted.h"

using namespace tidemark::rig;

namespace {

struct Entry {
  const char* name;
  int (*run)(Rig&);
};
constexpr Entry kRigs[] = {
    {"crash_images", crash_images},
    {"call_faults", call_faults},
    {"bit_flips", bit_flips},
    {"kill_loop", kill_loop},
    {"kill_steps", kill_steps},
    {"many_processes", many_processes},
    {"catalog_bits", catalog_bits},
    {"real_disks", real_disks},
    {"races", races},
    {"wakes", wakes},
    {"waypoints", waypoints},
};

int usage() {
  std::fprintf(stderr,
               "usage: tidemark_rigs <rig> [--seed N] [--count N] [--seconds N] [--threads N]\n"
               "                     [--only N] [--bug NAME] [--directory PATH]\nrigs:");
  for (const Entry& entry : kRigs) std::fprintf(stderr, " %s", entry.name);
  std::fputc('\n', stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return usage();
#ifdef TIDEMARK_PLANTED_BUGS
  if (std::strcmp(argv[1], "bugs") == 0) {
    for (const auto& [bug, name] : tidemark::kPlantedBugs)
      std::printf("%s\n", std::string(name).c_str());
    return 0;
  }
#endif
  Options options;
  for (int i = 2; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (i + 1 == argc) return usage();
    const char* value = argv[++i];
    const auto number = [value] { return std::strtoull(value, nullptr, 10); };
    if (option == "--seed") {
      options.seed = number();
    } else if (option == "--count") {
      options.count = number();
    } else if (option == "--seconds") {
      options.seconds = std::strtod(value, nullptr);
    } else if (option == "--threads") {
      options.threads = static_cast<unsigned>(number());
    } else if (option == "--only") {
      options.only = number();
    } else if (option == "--bug") {
      options.bug = value;
    } else if (option == "--directory") {
      options.directory = value;
    } else {
      return usage();
    }
  }
  if (!options.bug.empty()) {
#ifdef TIDEMARK_PLANTED_BUGS
    if (!tidemark::plant(options.bug)) {
      std::fprintf(stderr, "there is no planted bug \"%s\"\n", options.bug.c_str());
      return 2;
    }
#else
    std::fprintf(stderr, "bugs are planted in tidemark_rigs_planted alone\n");
    return 2;
#endif
  }
  for (const Entry& entry : kRigs) {
    if (std::strcmp(argv[1], entry.name) != 0) continue;
    Rig rig(entry.name, options);
    return entry.run(rig);
  }
  return usage();
}
