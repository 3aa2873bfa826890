#include "table.h"

#include <algorithm>

namespace tidemark::tools {
namespace {

std::string padded(const std::string& cell, size_t width, Table::Side side) {
  const size_t taken = columns_taken(cell);
  const std::string padding(width > taken ? width - taken : 0, ' ');
  return side == Table::Side::Left ? cell + padding : padding + cell;
}

}  // namespace

std::string Table::text(const Paint& paint) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = columns_taken(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, columns_taken(row[i]));
    widths.push_back(width);
  }
  const auto line = [&](const auto& cell_of) {
    std::string joined;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) joined += "  ";
      joined += padded(cell_of(i), widths[i], columns_[i].side);
    }
    joined.erase(joined.find_last_not_of(' ') + 1);
    return joined + '\n';
  };
  std::string text = line([&](size_t i) { return paint.dim(columns_[i].title); });
  for (const auto& row : rows_) text += line([&](size_t i) { return row[i]; });
  return text;
}

}  // namespace tidemark::tools
