// `OperatorBuilder`: how operators are made; the ones that come along are made with nothing else.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/dataflow/capability.h"
#include "tidemark/dataflow/channels.h"
#include "tidemark/dataflow/ports.h"
#include "tidemark/dataflow/scope.h"
#include "tidemark/dataflow/stream.h"

namespace tidemark::dataflow {

// How an operator's input is fed. Pipeline: by the same worker.
struct Pipeline {};
// By all workers: a record goes to worker `hash(record) % peers`.
template <typename Hash>
struct Exchange {
  Hash hash;
};
template <typename Hash>
Exchange(Hash) -> Exchange<Hash>;

// What an operator knows of itself, and what it can ask for. Belongs to its worker's thread.
template <PartiallyOrdered T>
class OperatorContext {
 public:
  OperatorContext(DataflowOf<T>& dataflow, size_t operator_index)
      : book_(dataflow.book()),
        activator_(dataflow.process()->signal(dataflow.worker()),
                   {dataflow.number(), operator_index}),
        operator_index_(operator_index),
        worker_(dataflow.worker()),
        peers_(dataflow.process()->peers()) {}

  size_t worker() const { return worker_; }
  size_t peers() const { return peers_; }
  const T& minimum() const { return book_->minimum; }

  // To run again: at the next step, or at the first one after `delay`.
  void activate() const { book_->activations.activate(operator_index_); }
  void activate_after(std::chrono::nanoseconds delay) const {
    book_->activations.activate_at(
        operator_index_,
        SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(delay));
  }
  // For other threads.
  const Activator& activator() const { return activator_; }

  // Ends the dataflow on all workers. Its frontiers stay where they are: no time counts as complete
  // because of a failure.
  void fail(const std::string& reason) const {
    if (!book_->failure) book_->failure = reason;
  }

  // Messages that wait in the whole dataflow, over all workers. A hint: it is old at once.
  int64_t messages_in_flight() const { return book_->tracker->messages_in_flight(); }
  // The times that an output may still send, over all workers.
  Antichain<T> output_frontier(size_t output) const {
    return book_->tracker->output_frontier(output);
  }

 private:
  std::shared_ptr<Bookkeeping<T>> book_;
  Activator activator_;
  size_t operator_index_;
  size_t worker_;
  size_t peers_;
};

// One operator: add its ports, then build() it. A port belongs to what build() is given.
template <PartiallyOrdered T>
class OperatorBuilder {
 public:
  OperatorBuilder(const Scope<T>& scope, std::string name)
      : dataflow_(&scope.dataflow()), index_(dataflow_->graph().operators.size()) {
    dataflow_->graph().operators.push_back({std::move(name), {}, {}});
    dataflow_->book()->activations.add_operator();
  }

  template <typename C>
  std::shared_ptr<InputPort<T, C>> add_input(const Stream<T, C>& stream, Pipeline) {
    auto queue = add_queue(stream);
    stream.port().tee().add(std::make_shared<PipelineChannel<T, C>>(queue));
    return std::make_shared<InputPort<T, C>>(std::move(queue));
  }
  template <GrowingContainer C, typename Hash>
  std::shared_ptr<InputPort<T, C>> add_input(const Stream<T, C>& stream, Exchange<Hash> exchange) {
    auto queue = add_queue(stream);
    const size_t peers = dataflow_->process()->peers();
    auto mailboxes = dataflow_->process()->template meet<Mailboxes<T, C>>(
        dataflow_->number(), queue->input(),
        [&] { return std::make_unique<Mailboxes<T, C>>(peers); });
    auto channel = std::make_shared<ExchangeChannel<T, C, Hash>>(
        queue, std::move(mailboxes), dataflow_->worker(), peers, std::move(exchange.hash));
    stream.port().tee().add(channel);
    dataflow_->add_postman(std::move(channel));
    return std::make_shared<InputPort<T, C>>(std::move(queue));
  }

  // An output that the operator sends on only because of messages it received.
  template <Container C>
  std::shared_ptr<OutputPort<T, C>> add_output() {
    return make_output<C>(false);
  }
  // One that it may send on by itself: on each worker it begins with a capability at the minimum.
  template <Container C>
  std::pair<std::shared_ptr<OutputPort<T, C>>, Capability<T>> add_output_with_capability() {
    auto port = make_output<C>(true);
    auto capability =
        Capability<T>::counted(dataflow_->book(), port->number(), dataflow_->book()->minimum);
    return {std::move(port), std::move(capability)};
  }

  // The same for an operator that counts its capabilities itself: OutputPort::count_capability.
  template <Container C>
  std::shared_ptr<OutputPort<T, C>> add_output_with_count() {
    return make_output<C>(true);
  }

  OperatorContext<T> context() const { return {*dataflow_, index_}; }

  // `run()` is called whenever a message arrives, an input's frontier moves, or the operator was
  // activated; the first time in the dataflow's first step.
  template <typename Run>
  void build(Run run) {
    struct Logic final : OperatorLogic {
      Logic(Run logic, std::vector<std::function<void()>> flushes)
          : run_(std::move(logic)), flushes_(std::move(flushes)) {}
      void run() override {
        run_();
        for (const auto& flush : flushes_) flush();
      }
      Run run_;
      std::vector<std::function<void()>> flushes_;
    };
    dataflow_->add_operator(std::make_unique<Logic>(std::move(run), std::move(flushes_)));
  }

 private:
  template <typename C>
  std::shared_ptr<InputQueue<T, C>> add_queue(const Stream<T, C>& stream) {
    TIDEMARK_CHECK(&stream.scope().dataflow() == dataflow_);  // a stream stays in its dataflow
    Graph& graph = dataflow_->graph();
    const size_t input = graph.inputs.size();
    graph.inputs.push_back({index_, stream.port().number()});
    graph.operators[index_].inputs.push_back(input);
    graph.outputs[stream.port().number()].targets.push_back(input);
    dataflow_->book()->pending.add_input();
    dataflow_->book()->frontiers.emplace_back(dataflow_->book()->minimum);
    return std::make_shared<InputQueue<T, C>>(dataflow_->book(), input, index_);
  }

  template <typename C>
  std::shared_ptr<OutputPort<T, C>> make_output(bool initial_capability) {
    Graph& graph = dataflow_->graph();
    const size_t output = graph.outputs.size();
    graph.outputs.push_back({index_, initial_capability, {}});
    graph.operators[index_].outputs.push_back(output);
    dataflow_->book()->pending.add_output();
    auto port = std::make_shared<OutputPort<T, C>>(dataflow_->book(), output);
    flushes_.push_back([port] { port->flush(); });
    return port;
  }

  DataflowOf<T>* dataflow_;
  size_t index_;
  std::vector<std::function<void()>> flushes_;
};

}  // namespace tidemark::dataflow
