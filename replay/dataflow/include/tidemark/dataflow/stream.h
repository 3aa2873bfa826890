// `Stream`: what an operator sends, and where the next one is attached.
//
// The operators are declared here and defined one a file, in operators/. Each one's rules of
// progress stand there.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tidemark/dataflow/container.h"
#include "tidemark/dataflow/ports.h"
#include "tidemark/dataflow/scope.h"

namespace tidemark::dataflow {

template <PartiallyOrdered T>
class ProbeHandle;

// Records in containers `C`, at times `T`. A handle: copyable, valid while the dataflow is built.
// Each operator attached to it gets everything.
template <PartiallyOrdered T, Container C>
class Stream {
 public:
  using Time = T;
  using Data = C;
  using Record = typename C::value_type;

  Stream(Scope<T> scope, std::shared_ptr<OutputPort<T, C>> port)
      : scope_(scope), port_(std::move(port)) {}

  // operators/map.h: one record for each, f(record).
  template <typename F>
  auto map(F f) const;
  // operators/map.h: those for which f(record) is true.
  template <typename F>
  auto filter(F f) const;
  // operators/map.h: all that the range f(record) has, for each.
  template <typename F>
  auto flat_map(F f) const;

  // operators/exchange.h: each record goes to worker hash(record) % peers.
  template <typename Hash>
  Stream exchange(Hash hash) const;
  // operators/concat.h: this stream and another one.
  Stream concat(const Stream& other) const;

  // operators/inspect.h: f(time, record) for each record as it passes; f(record) will do.
  template <typename F>
  Stream inspect(F f) const;
  // operators/inspect.h: f(time, container) for each message as it passes.
  template <typename F>
  Stream inspect_batch(F f) const;

  // operators/probe.h: tells which times may still pass here.
  ProbeHandle<T> probe() const;
  Stream probe_with(ProbeHandle<T>& handle) const;

  // operators/unary.h: an operator of one's own, with one input and one output.
  template <Container D, typename Pact, typename Make>
  Stream<T, D> unary(Pact pact, std::string name, Make make) const;
  template <Container D, typename Pact, typename Make>
  Stream<T, D> unary_frontier(Pact pact, std::string name, Make make) const;
  // operators/unary.h: the same without an output.
  template <typename Pact, typename Make>
  void sink(Pact pact, std::string name, Make make) const;

  // tidemark/capture_into.h and capture.h, which stand above this runtime: what passes here, as
  // events.
  template <typename Pusher, typename... Options>
  auto capture_into(Pusher pusher, Options... options) const;
  template <typename... Options>
  auto capture(Options... options) const;

  const Scope<T>& scope() const { return scope_; }
  OutputPort<T, C>& port() const { return *port_; }

 private:
  Scope<T> scope_;
  std::shared_ptr<OutputPort<T, C>> port_;
};

}  // namespace tidemark::dataflow
