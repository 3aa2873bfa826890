#include "tidemark/cursor.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "control_page.h"
#include "paths.h"
#include "stream_directory.h"
#include "tidemark/stream_end.h"

namespace tidemark {
namespace {

// The catalog, where there is one already.
Result<std::optional<Catalog>> open_existing(const Log& log) {
  const std::string data = catalog_data_path(log.path());
  FileStatus status;
  const int answer = log.files().status(data, status);
  if (answer == -ENOENT || answer == -ENOTDIR) return std::nullopt;
  if (answer < 0) return fail_system("looking for the catalog", data, -answer);
  TIDEMARK_ASSIGN(catalog, Catalog::open(log));
  return catalog;
}

// The header of the last published segment that does not begin above the position; nothing where
// there is none, as before a stream's first event, or where it was purged.
Result<std::optional<SegmentHeader>> header_below(const Log& log, uint32_t stream,
                                                  uint64_t position) {
  const std::string directory = stream_path(log.path(), stream);
  TIDEMARK_ASSIGN(names, list_segment_names(log.files(), directory));
  TIDEMARK_ASSIGN(purged, read_purged(log.files(), directory));
  for (auto at = std::upper_bound(names.begin(), names.end(), position);
       at != names.begin() && *(at - 1) >= purged.value_or(0); --at) {
    const auto file = examine_segment(log.files(), directory, stream, *(at - 1));
    if (!file && file.error().code == ErrorCode::NotFound) continue;  // purged, or a spare
    if (!file) return tl::make_unexpected(file.error());
    if (file->damage) return tl::make_unexpected(*file->damage);
    if (file->published) return file->header;
  }
  return std::nullopt;
}

}  // namespace

Result<void> check_cursor_place(const Log& log, const std::string& name, const CursorPlace& place) {
  if (place.stream >= log.peers()) {
    auto error = fail(ErrorCode::NotFound, "the cursor '" + name + "' is in stream " +
                                               std::to_string(place.stream) +
                                               ", which the log does not have");
    error.value().path = log.path();
    return error;
  }
  const std::string directory = stream_path(log.path(), place.stream);
  TIDEMARK_ASSIGN(header, header_below(log, place.stream, place.position));
  const auto fail_here = [&](ErrorCode code, const std::string& message) {
    auto error = fail(code, "the cursor '" + name + "' is at position " +
                                std::to_string(place.position) + ", " + message);
    error.value().stream = place.stream;
    error.value().path = directory;
    return error;
  };
  if (header) {
    if (place.check == 0) return {};
    if (header->identity_checksum == place.check && header->incarnation == place.incarnation) {
      return {};
    }
    const auto end = committed_end(log, place.stream);
    std::string message =
        "which was lost, or is another log's: what stands there was not written by incarnation " +
        std::to_string(place.incarnation);
    if (end) message += "; the stream ends at " + std::to_string(*end);
    return fail_here(ErrorCode::CursorLost, message);
  }
  TIDEMARK_ASSIGN(purged, read_purged(log.files(), directory));
  if (place.position >= purged.value_or(0)) {
    if (place.position == 0) return {};  // the stream has yet to begin
    return fail_here(ErrorCode::CursorLost, "and no segment of the stream holds it");
  }
  // At the end of what was purged, nothing is missing to this consumer.
  const auto head = examine_segment(log.files(), directory, place.stream, *purged);
  if (head && head->published && head->header->previous_end == place.position) return {};
  auto error = fail_here(ErrorCode::Purged,
                         "which was purged; the earliest left is " + std::to_string(*purged));
  error.value().offset = *purged;
  return error;
}

Result<Consumer> Consumer::open(const Log& log, const std::string& name,
                                std::span<const uint32_t> streams, const ConsumerOptions& options) {
  Consumer consumer(log, name, options);
  TIDEMARK_ASSIGN(catalog, open_existing(log));
  if (!catalog) return consumer;
  TIDEMARK_ASSIGN(cursor, catalog->cursor(name));
  consumer.catalog_ = std::move(catalog);
  if (!cursor) return consumer;
  consumer.found_ = true;
  for (const CursorPlace& place : cursor->positions) {
    if (std::find(streams.begin(), streams.end(), place.stream) == streams.end()) continue;
    TIDEMARK_TRY(check_cursor_place(log, name, place));
    consumer.positions_[place.stream] = place.position;
  }
  return consumer;
}

std::optional<uint64_t> Consumer::position(uint32_t stream) const {
  const auto found = positions_.find(stream);
  if (found == positions_.end()) return std::nullopt;
  return found->second;
}

Result<CursorPlace> Consumer::place_of(const StreamPosition& wanted) {
  CursorPlace place{wanted.stream, wanted.position, 0, 0};
  if (!options_.ahead_of_durable) {
    const auto control =
        ControlPage::open_for_reading(log_.files(), stream_path(log_.path(), wanted.stream));
    // Where no writer of this boot left word, all that can be read did survive.
    const auto durable = control ? control->durable() : std::nullopt;
    if (durable && *durable < place.position) {
      // Not behind what was committed before, unless that is what was asked for.
      const uint64_t before = position(wanted.stream).value_or(0);
      place.position = before <= wanted.position ? std::max(*durable, before) : *durable;
    }
  }
  Known& known = known_[wanted.stream];
  if (place.position < known.first_position || place.position >= known.end) {
    TIDEMARK_ASSIGN(header, header_below(log_, wanted.stream, place.position));
    // Before the first event; or in what was purged while a lease keeps it. Whoever opens the
    // cursor later is told.
    if (!header) return place;
    known = {header->first_position, header->end_position(), header->incarnation,
             header->identity_checksum};
  }
  place.incarnation = known.incarnation;
  place.check = known.check;
  return place;
}

Result<void> Consumer::commit(std::span<const StreamPosition> positions) {
  if (!catalog_) {
    TIDEMARK_ASSIGN(catalog, Catalog::open(log_));
    catalog_ = std::move(catalog);
  }
  Cursor cursor;
  cursor.name = name_;
  cursor.moved_at_ns = log_.files().now_ns();
  for (const StreamPosition& position : positions) {
    TIDEMARK_ASSIGN(place, place_of(position));
    cursor.positions.push_back(place);
  }
  // A consumer that has nothing new to say says nothing.
  if (std::all_of(cursor.positions.begin(), cursor.positions.end(),
                  [&](const CursorPlace& p) { return position(p.stream) == p.position; })) {
    return {};
  }
  TIDEMARK_TRY(catalog_->move_cursor(cursor));
  for (const CursorPlace& place : cursor.positions) positions_[place.stream] = place.position;
  return {};
}

Result<std::vector<Cursor>> list_cursors(const Log& log) {
  TIDEMARK_ASSIGN(catalog, open_existing(log));
  if (!catalog) return std::vector<Cursor>();
  return catalog->cursors();
}

Result<bool> delete_cursor(const Log& log, const std::string& name) {
  TIDEMARK_ASSIGN(catalog, open_existing(log));
  if (!catalog) return false;
  return catalog->remove_cursor(name);
}

}  // namespace tidemark
