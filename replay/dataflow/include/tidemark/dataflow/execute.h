// `execute`: runs a program on some workers, until all of its dataflows have come to their end.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tidemark/check.h"
#include "tidemark/dataflow/process.h"
#include "tidemark/dataflow/worker.h"

namespace tidemark::dataflow {

// How many workers: threads of this process.
class Config {
 public:
  // One worker, in the calling thread.
  static Config thread() { return Config(1); }
  // `workers` of them, at least one, each in a thread of its own; a single one in the calling
  // thread.
  static Config process(size_t workers) {
    TIDEMARK_CHECK(workers > 0);
    return Config(workers);
  }
  size_t workers() const { return workers_; }

 private:
  explicit Config(size_t workers) : workers_(workers) {}
  size_t workers_;
};

// How it ended. Not looking at it would be believing that everything went well.
struct [[nodiscard]] Execution {
  std::vector<std::string> failures;  // why dataflows were ended before their time
  bool ok() const { return failures.empty(); }
};

// Calls `logic(worker)` on each worker, and steps each one until its dataflows have ended. `logic`
// must not throw: other workers would wait for this one for ever, so the program is ended instead.
template <typename Logic>
Execution execute(Config config, const Logic& logic) {
  auto process = std::make_shared<Process>(config.workers());
  const auto run = [&](size_t index) noexcept {
    Worker worker(process, index);
    logic(worker);
    while (worker.has_dataflows()) worker.step_or_park(std::nullopt);
  };
  if (config.workers() == 1) {
    run(0);
  } else {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < config.workers(); ++i) threads.emplace_back(run, i);
    for (auto& thread : threads) thread.join();
  }
  return {process->failures()};
}

}  // namespace tidemark::dataflow
