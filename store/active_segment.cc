#include "active_segment.h"

#include <utility>

#include "tidemark/planted.h"

namespace tidemark {

ActiveSegment::ActiveSegment(const PreparedSegment& prepared)
    : base_(prepared.base),
      bytes_(prepared.bytes()),
      first_position_(prepared.header.first_position),
      waypoint_due_(waypoint_distance(bytes_)),
      key_(prepared.header.salt),
      header_(prepared.header) {
  // So that appends allocate nothing.
  const auto most = static_cast<size_t>(bytes_ / waypoint_due_);
  waypoints_.reserve(most);
  sections_.reserve(most + 1);
}

void ActiveSegment::publish(const Succession& succession, const SegmentOpening& opening,
                            uint64_t durable_upto, uint64_t now_ns) {
  const auto add = [&](FrameKind kind, std::span<const std::byte> bytes, uint8_t flags) {
    if (bytes.empty()) return;
    std::memcpy(payload(), bytes.data(), bytes.size());
    commit(kind, bytes.size(), durable_upto, now_ns, flags);
  };
  add(FrameKind::Checkpoint, encode_checkpoint(header_.time_shape(), opening.checkpoint), 0);
  add(FrameKind::Schema, opening.schema, kSkippable);
  add(FrameKind::Mark, opening.mark, kSkippable);

  header_.first_sequence = succession.before.events;
  header_.records_before = succession.before.records;
  header_.data_bytes_before = succession.before.data_bytes;
  header_.previous_first_position = succession.previous_first_position;
  header_.previous_end = succession.previous_end;
  header_.dropped_bytes = succession.dropped_bytes;
  header_.dropped_frames = succession.dropped_frames;
  header_.dropped_segments = succession.dropped_segments;
  header_.published_at_ns = now_ns;
  header_.void_segment = succession.void_segment;
  finish_header(header_);
  if (planted(Bug::MagicFirst)) std::memcpy(base_, &header_.magic, sizeof header_.magic);
  constexpr size_t kAfterMagic = sizeof header_.magic;
  std::memcpy(base_ + kAfterMagic, reinterpret_cast<const std::byte*>(&header_) + kAfterMagic,
              sizeof header_ - kAfterMagic);
  // Readers find the segment by this store; it is paired with their read of the header, and all
  // that was stored before it, the checkpoint too, is visible with it.
  std::atomic_ref<uint64_t>(*word_at(0)).store(header_.magic, std::memory_order_release);
}

void ActiveSegment::note_waypoint() {
  waypoints_.push_back(position());
  sections_.push_back(std::exchange(section_, std::nullopt));
  waypoint_due_ = offset_ + waypoint_distance(bytes_);
}

Seal ActiveSegment::seal(const Totals& totals, std::vector<Change> counts, bool closed) const {
  Seal seal;
  seal.end = position();
  seal.totals = totals;
  seal.counts = std::move(counts);
  seal.sections = sections_;
  seal.sections.push_back(section_);
  seal.bounds = bounds_of(seal.sections);
  if (waypoints_.empty()) seal.sections.clear();
  seal.waypoints = waypoints_;
  seal.digest = digest_;
  seal.closed = closed;
  return seal;
}

}  // namespace tidemark
