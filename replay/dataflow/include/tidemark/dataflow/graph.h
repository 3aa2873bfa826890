// The shape of a dataflow: operators, their ports, and which output feeds which input.
//
// Every worker builds the same graph, in the same order; a port's number is its place in it. There
// are no cycles, and an operator can only be fed by one that was there before it: the numbers are a
// topological order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::dataflow {

struct Graph {
  struct Operator {
    std::string name;
    std::vector<size_t> inputs;   // numbers of its input ports
    std::vector<size_t> outputs;  // numbers of its output ports
    friend bool operator==(const Operator&, const Operator&) = default;
  };
  struct Input {
    size_t owner;   // the operator
    size_t source;  // the output port that feeds it
    friend bool operator==(const Input&, const Input&) = default;
  };
  struct Output {
    size_t owner;
    bool initial_capability;      // each worker begins with a capability at the minimum
    std::vector<size_t> targets;  // the input ports it feeds
    friend bool operator==(const Output&, const Output&) = default;
  };

  std::vector<Operator> operators;
  std::vector<Input> inputs;
  std::vector<Output> outputs;

  friend bool operator==(const Graph&, const Graph&) = default;
};

}  // namespace tidemark::dataflow
