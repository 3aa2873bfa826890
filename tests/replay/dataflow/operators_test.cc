// Each operator on one worker and on several, and on containers that are not vectors.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "tidemark/dataflow.h"

namespace tidemark::dataflow {
namespace {

using Numbers = std::vector<uint64_t>;

// What all workers saw, in no order of the workers.
template <typename Record>
class Gathered {
 public:
  void add(const Record& record) {
    const std::lock_guard lock(mutex_);
    records_.push_back(record);
  }
  std::vector<Record> sorted() {
    std::sort(records_.begin(), records_.end());
    return records_;
  }

 private:
  std::mutex mutex_;
  std::vector<Record> records_;
};

Numbers up_to(uint64_t end) {
  Numbers numbers(end);
  for (uint64_t i = 0; i < end; ++i) numbers[i] = i;
  return numbers;
}

TEST_CASE("map, filter and flat_map work record by record at the records' times") {
  Gathered<std::pair<uint64_t, std::string>> gathered;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    auto input = worker.dataflow<uint64_t>([&](auto& scope) {
      auto [handle, numbers] = new_input<Numbers>(scope);
      numbers.map([](uint64_t n) { return n + 1; })
          .filter([](uint64_t n) { return n % 2 == 0; })
          .flat_map([](uint64_t n) {
            return std::vector{std::to_string(n), "!" + std::to_string(n)};
          })
          .inspect([&](uint64_t time, const std::string& text) {
            gathered.add({time, text});
          });
      return std::move(handle);
    });
    for (const uint64_t n : Numbers{1, 2, 3}) input.send(n);
    input.advance_to(9);
    input.send(5);
  });
  REQUIRE(execution.ok());
  REQUIRE(gathered.sorted() == std::vector<std::pair<uint64_t, std::string>>{
                                   {0, "!2"}, {0, "!4"}, {0, "2"}, {0, "4"}, {9, "!6"}, {9, "6"}});
}

TEST_CASE("to_stream gives all records at the minimum, also more than fit one container") {
  size_t records = 0;
  size_t containers = 0;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<int64_t>([&](auto& scope) {
      to_stream(scope, up_to(5000)).inspect_batch([&](int64_t time, const Numbers& batch) {
        REQUIRE(time == minimum_time<int64_t>());
        records += batch.size();
        ++containers;
      });
    });
  });
  REQUIRE(execution.ok());
  REQUIRE(records == 5000);
  REQUIRE(containers == 5);
}

TEST_CASE("exchange brings each record to the worker that its hash names, exactly once") {
  for (const size_t workers : std::vector<size_t>{1, 2, 3, 5}) {
    CAPTURE(workers);
    Gathered<std::pair<uint64_t, uint64_t>> gathered;
    const auto execution = execute(Config::process(workers), [&](Worker& worker) {
      worker.dataflow<uint64_t>([&](auto& scope) {
        to_stream(scope, up_to(3000))
            .exchange([](uint64_t n) { return n / 3; })
            .inspect([&, me = scope.index()](uint64_t n) {
              gathered.add({n, me});
            });
      });
    });
    REQUIRE(execution.ok());
    std::vector<std::pair<uint64_t, uint64_t>> expected;
    for (uint64_t n = 0; n < 3000; ++n) {
      for (size_t i = 0; i < workers; ++i) expected.emplace_back(n, n / 3 % workers);
    }
    REQUIRE(gathered.sorted() == expected);
  }
}

TEST_CASE("concat has the records of all streams, and a stream may feed several operators") {
  Gathered<uint64_t> gathered;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      const auto numbers = to_stream(scope, up_to(3));
      concatenate(std::vector{numbers, numbers.map([](uint64_t n) { return n + 10; }), numbers})
          .concat(to_stream(scope, up_to(1)))
          .inspect([&](uint64_t n) { gathered.add(n); });
    });
  });
  REQUIRE(execution.ok());
  REQUIRE(gathered.sorted() == Numbers{0, 0, 0, 1, 1, 2, 2, 10, 11, 12});
}

TEST_CASE("Containers need not be vectors, nor be copyable where they have one consumer") {
  struct Owned {
    using value_type = std::string;
    std::deque<std::string> texts;
    Owned() = default;
    Owned(Owned&&) = default;
    Owned& operator=(Owned&&) = default;
    size_t size() const { return texts.size(); }
    auto begin() { return texts.begin(); }
    auto end() { return texts.end(); }
    auto begin() const { return texts.begin(); }
    auto end() const { return texts.end(); }
    void push_back(std::string text) { texts.push_back(std::move(text)); }
  };
  static_assert(GrowingContainer<Owned> && !std::copy_constructible<Owned>);
  static_assert(Container<const std::vector<int>> == false && Container<std::deque<int>>);

  Gathered<std::string> gathered;
  const auto execution = execute(Config::process(2), [&](Worker& worker) {
    auto input = worker.dataflow<Unit>([&](auto& scope) {
      auto [handle, texts] = new_input<Owned>(scope);
      texts.filter([](const std::string& text) { return text != "b"; })
          .exchange([](const std::string& text) { return text.size(); })
          .inspect([&](const std::string& text) { gathered.add(text); });
      return std::move(handle);
    });
    for (const char* text : {"a", "b", "cc"}) input.send(text);
  });
  REQUIRE(execution.ok());
  REQUIRE(gathered.sorted() == std::vector<std::string>{"a", "a", "cc", "cc"});
}

TEST_CASE("A source sends as long as it keeps its capability") {
  Numbers seen;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    worker.dataflow<uint64_t>([&](auto& scope) {
      source<Numbers>(scope, "countdown", [](auto capability, const auto& context) {
        return [held = std::optional(std::move(capability)), context](auto& output) mutable {
          if (!held) return;
          const uint64_t time = held->time();
          output.session(*held).give(time);
          if (time == 3) {
            held.reset();
          } else {
            held->downgrade(time + 1);
            context.activate();
          }
        };
      }).inspect([&](uint64_t n) { seen.push_back(n); });
    });
  });
  REQUIRE(execution.ok());
  REQUIRE(seen == Numbers{0, 1, 2, 3});
}

TEST_CASE("A notification comes when its time is complete, once, in the order of times") {
  using Pairs = std::vector<std::pair<uint64_t, size_t>>;
  Pairs counts;
  const auto execution = execute(Config::thread(), [&](Worker& worker) {
    auto input = worker.dataflow<uint64_t>([&](auto& scope) {
      auto [handle, numbers] = new_input<Numbers>(scope);
      numbers
          .template unary_frontier<Pairs>(
              Pipeline{}, "count",
              [](auto, const auto&) {
                return [counts = std::map<uint64_t, size_t>(),
                        notificator = Notificator<uint64_t>()](auto& port, auto& output) mutable {
                  port.for_each([&](auto& message) {
                    for (const uint64_t n : message.data) {
                      ++counts[n];
                      notificator.notify_at(output.retain(message.capability).delayed(n));
                    }
                  });
                  notificator.for_each(port.frontier(), [&](const auto& capability) {
                    output.session(capability).give({capability.time(), counts[capability.time()]});
                  });
                };
              })
          .inspect([&](const auto& pair) { counts.push_back(pair); });
      return std::move(handle);
    });
    for (const uint64_t n : Numbers{7, 3, 7, 5}) input.send(n);
    input.advance_to(4);
    while (counts.empty()) worker.step();
    REQUIRE(counts == Pairs{{3, 1}});
    input.send(5);
    input.advance_to(6);
    while (counts.size() < 2) worker.step();
  });
  REQUIRE(execution.ok());
  REQUIRE(counts == Pairs{{3, 1}, {5, 2}, {7, 2}});
}

}  // namespace
}  // namespace tidemark::dataflow
