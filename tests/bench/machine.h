// What figures were measured on: they mean nothing without it.
#pragma once

#include <string>

namespace tidemark::bench {

struct Machine {
  std::string date;       // of the run, UTC
  std::string processor;  // with the number of those that may be used
  std::string memory;
  std::string system;   // distribution and kernel
  std::string storage;  // file system of the directory, and its device
  std::string build;    // compiler and options
  std::string xxh3;     // the instructions that the limits were found quickest with
  std::string load;     // the load average before and after: what else ran
};

Machine describe_machine(const std::string& directory);
// The load average of the last minute.
std::string load_average();

}  // namespace tidemark::bench
