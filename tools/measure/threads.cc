#include "threads.h"

#include <algorithm>
#include <barrier>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "clock.h"

namespace tidemark::measure {

Result<double> in_threads(uint32_t threads, const std::function<Result<void>(uint32_t)>& body) {
  std::vector<std::optional<Error>> errors(threads);
  // By the threads themselves: whoever waits for them may get a processor later than they do.
  Clock::time_point start;
  std::vector<Clock::time_point> ends(threads);
  const auto note_start = [&start]() noexcept { start = Clock::now(); };
  std::barrier ready(static_cast<std::ptrdiff_t>(threads), note_start);
  std::vector<std::thread> running;
  for (uint32_t i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      ready.arrive_and_wait();
      if (auto done = body(i); !done) errors[i] = std::move(done).error();
      ends[i] = Clock::now();
    });
  }
  for (std::thread& thread : running) thread.join();
  for (auto& error : errors) {
    if (error) return tl::make_unexpected(*std::move(error));
  }
  return std::chrono::duration<double, std::nano>(*std::max_element(ends.begin(), ends.end()) -
                                                  start)
      .count();
}

}  // namespace tidemark::measure
