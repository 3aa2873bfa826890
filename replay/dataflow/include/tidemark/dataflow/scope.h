// `Scope`: a dataflow while it is built, and afterwards one worker's side of it at work.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/check.h"
#include "tidemark/dataflow/bookkeeping.h"
#include "tidemark/dataflow/channels.h"
#include "tidemark/dataflow/graph.h"
#include "tidemark/dataflow/process.h"
#include "tidemark/dataflow/progress_tracker.h"
#include "tidemark/dataflow/worker.h"

namespace tidemark::dataflow {

// What an operator does when it runs.
class OperatorLogic {
 public:
  virtual ~OperatorLogic() = default;
  virtual void run() = 0;
};

// One worker's side of a dataflow with times `T`.
template <PartiallyOrdered T>
class DataflowOf final : public Dataflow {
 public:
  DataflowOf(std::shared_ptr<Process> process, size_t worker, size_t number, T minimum)
      : process_(std::move(process)),
        worker_(worker),
        number_(number),
        book_(std::make_shared<Bookkeeping<T>>(std::move(minimum))) {}

  // Building.
  Graph& graph() {
    TIDEMARK_CHECK(!tracker_);  // a dataflow that runs cannot be changed any more
    return graph_;
  }
  void add_postman(std::shared_ptr<Postman> postman) { postmen_.push_back(std::move(postman)); }
  void add_operator(std::unique_ptr<OperatorLogic> logic) {
    operators_.push_back(std::move(logic));
    TIDEMARK_CHECK(operators_.size() == graph_.operators.size());
  }
  void start() {
    tracker_ = process_->meet<ProgressTracker<T>>(number_, kTrackerPart, [&] {
      return std::make_unique<ProgressTracker<T>>(graph_, book_->minimum, process_->peers());
    });
    // Workers that build different dataflows under one number would corrupt each other.
    TIDEMARK_CHECK(tracker_->graph() == graph_);
    book_->tracker = tracker_;
  }
  // Distinguishes what workers meet at within this dataflow: input ports by their number.
  static constexpr size_t kTrackerPart = ~size_t{0};

  const std::shared_ptr<Bookkeeping<T>>& book() const { return book_; }
  const std::shared_ptr<Process>& process() const { return process_; }
  size_t worker() const { return worker_; }

  size_t number() const override { return number_; }

  void step() override {
    if (stop_if_failed()) return;
    book_->activations.run_timers();
    // Frontiers first: a message that comes in between was counted before, or comes from one that
    // was.
    if (seen_ != tracker_->version()) {
      tracker_->pull(seen_, [&](size_t input, const Antichain<T>& frontier) {
        book_->frontiers[input] = frontier;
        book_->activations.activate(graph_.inputs[input].owner);
      });
    }
    for (const auto& postman : postmen_) postman->collect();
    for (size_t i = 0; i < operators_.size(); ++i) {
      if (book_->activations.take(i)) operators_[i]->run();
    }
    publish();
    if (book_->failure) {
      tracker_->fail(*book_->failure);
      process_->add_failure(*std::exchange(book_->failure, std::nullopt));
      process_->notify_all();
    }
    stop_if_failed();
  }

  bool has_work() const override {
    if (book_->activations.any() || !book_->pending.empty() || seen_ != tracker_->version()) {
      return true;
    }
    for (const auto& postman : postmen_) {
      if (postman->has_mail()) return true;
    }
    return false;
  }

  // Also an end is seen by the operators, as an empty frontier, before the dataflow is dropped.
  bool ended() const override {
    return tracker_->failed() || (tracker_->complete() && seen_ == tracker_->version());
  }

  void activate(size_t operator_index) override { book_->activations.activate(operator_index); }
  std::optional<SteadyClock::time_point> next_timer() const override {
    return book_->activations.next_timer();
  }

 private:
  // Counts first, then the messages that they count, then the workers that should look.
  void publish() {
    if (book_->pending.empty()) return;
    const bool moved = tracker_->apply(book_->pending);
    woken_.assign(process_->peers(), moved ? 1 : 0);
    for (const auto& postman : postmen_) postman->deliver(woken_);
    for (size_t i = 0; i < woken_.size(); ++i) {
      if (woken_[i] != 0 && i != worker_) process_->signal(i)->notify();
    }
  }

  // Operators are dropped without being run: nobody sees a frontier that a failure made.
  bool stop_if_failed() {
    if (!tracker_->failed()) return false;
    operators_.clear();
    postmen_.clear();
    return true;
  }

  std::shared_ptr<Process> process_;
  size_t worker_;
  size_t number_;
  Graph graph_;
  std::shared_ptr<Bookkeeping<T>> book_;
  std::vector<std::unique_ptr<OperatorLogic>> operators_;
  std::vector<std::shared_ptr<Postman>> postmen_;
  std::shared_ptr<ProgressTracker<T>> tracker_;  // from start() on
  uint64_t seen_ = 0;                            // the tracker's version that was pulled last
  std::vector<char> woken_;
};

// A handle to a dataflow that is being built. Valid while its `build` function runs.
template <PartiallyOrdered T>
class Scope {
 public:
  using Time = T;

  explicit Scope(DataflowOf<T>& dataflow) : dataflow_(&dataflow) {}

  size_t index() const { return dataflow_->worker(); }
  size_t peers() const { return dataflow_->process()->peers(); }
  const T& minimum() const { return dataflow_->book()->minimum; }
  DataflowOf<T>& dataflow() const { return *dataflow_; }

 private:
  DataflowOf<T>* dataflow_;
};

template <PartiallyOrdered T, typename Build>
auto Worker::dataflow_from(T minimum, Build&& build) {
  auto dataflow =
      std::make_unique<DataflowOf<T>>(process_, index_, dataflows_built_++, std::move(minimum));
  Scope<T> scope(*dataflow);
  const auto start = [&] {
    dataflow->start();
    dataflows_.push_back(std::move(dataflow));
  };
  if constexpr (std::is_void_v<std::invoke_result_t<Build&, Scope<T>&>>) {
    build(scope);
    start();
  } else {
    auto built = build(scope);
    start();
    return built;
  }
}

}  // namespace tidemark::dataflow
