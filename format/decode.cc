#include <algorithm>
#include <string>

#include "event_generated.h"
#include "tidemark/event.h"
#include "wire.h"

namespace tidemark {

Result<MessagesView> decode_messages(std::span<const std::byte> payload, TimeShape shape) {
  TIDEMARK_ASSIGN(table, verified_root<wire::Messages>(payload, "messages"));
  TIDEMARK_ASSIGN(more, words_of("messages", table->more()));
  if (more.size() != (shape.words > 1 ? shape.words - 1U : 0U) ||
      (shape.words == 0 && table->time() != 0)) {
    return contradiction("messages", "its time does not have the stream's number of words");
  }
  std::array<uint64_t, kMaxTimeWords> words{table->time()};
  std::copy(more.begin(), more.end(), words.begin() + 1);

  MessagesView view;
  view.time_ = Time(shape, std::span(words.data(), shape.words));
  view.records_ = table->records();
  if (const auto* data = table->data(); data != nullptr && data->size() > 0) {
    view.data_ = std::as_bytes(std::span(data->data(), data->size()));
  }
  if (const auto* offsets = table->offsets(); offsets != nullptr) {
    if (offsets->size() != view.records_) {
      return contradiction("messages", "there is not one offset a record");
    }
    uint32_t previous = 0;
    const auto* ends = reinterpret_cast<const uint32_t*>(offsets->Data());
    for (uint32_t i = 0; i < view.records_; ++i) {
      if (ends[i] < previous) return contradiction("messages", "its offsets decrease");
      previous = ends[i];
    }
    if (previous != view.data_.size()) {
      return contradiction("messages", "its offsets do not end where its data ends");
    }
    // An empty batch has no offset to point to, but is of variable length all the same.
    view.offsets_ = ends;
  } else if (view.records_ == 0 ? !view.data_.empty() : view.data_.size() % view.records_ != 0) {
    return contradiction("messages", "its data is not a whole number of bytes for each record");
  } else {
    view.stride_ = view.records_ == 0 ? 0 : view.data_.size() / view.records_;
    if (reinterpret_cast<uintptr_t>(view.data_.data()) % kFrameAlignment != 0) {
      return contradiction("messages", "its records are not aligned to 8 bytes");
    }
  }
  return view;
}

Result<ProgressView> decode_progress(std::span<const std::byte> payload, TimeShape shape) {
  TIDEMARK_ASSIGN(table, verified_root<wire::Progress>(payload, "progress"));
  ProgressView view;
  view.shape_ = shape;
  TIDEMARK_ASSIGN(times, words_of("progress", table->times()));
  TIDEMARK_ASSIGN(diffs, words_of("progress", table->diffs()));
  view.times_ = times;
  view.diffs_ = diffs;
  if (view.times_.size() != view.diffs_.size() * shape.words) {
    return contradiction("progress", "there is not one time a diff");
  }
  return view;
}

}  // namespace tidemark
