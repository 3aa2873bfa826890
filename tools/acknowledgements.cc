#include "acknowledgements.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace tidemark::tools {
namespace {

// Between two syncs only the latest note counts for much; a few keep the acknowledgements close
// behind the syncs.
constexpr size_t kMaxNotes = 64;

}  // namespace

void Acknowledgements::note(uint64_t records, std::vector<uint64_t> committed) {
  const uint64_t noted = notes_.empty() ? acknowledged_ : notes_.back().records;
  if (records <= noted) return;
  if (notes_.size() == kMaxNotes) notes_.pop_back();
  notes_.push_back({records, std::move(committed)});
}

bool Acknowledgements::settle(const std::vector<uint64_t>& durable) {
  uint64_t records = 0;
  while (!notes_.empty()) {
    const auto& committed = notes_.front().committed;
    const bool survives =
        std::equal(committed.begin(), committed.end(), durable.begin(), std::less_equal<>());
    if (!survives) break;
    records = notes_.front().records;
    notes_.pop_front();
  }
  return print(records);
}

bool Acknowledgements::settle_all(uint64_t records) {
  notes_.clear();
  return print(records);
}

bool Acknowledgements::print(uint64_t records) {
  if (records <= acknowledged_) return true;
  acknowledged_ = records;
  output_.write(fmt::format("{{\"durable_records\":\"{}\"}}\n", records));
  return output_.flush();
}

}  // namespace tidemark::tools
