// A table for people: columns as wide as their cells, numbers to the right.
#pragma once

#include <string>
#include <vector>

#include "terminal.h"

namespace tidemark::tools {

class Table {
 public:
  enum class Side : uint8_t { Left, Right };
  struct Column {
    std::string title;
    Side side = Side::Left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns; they may be painted.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text(const Paint& paint) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tidemark::tools
