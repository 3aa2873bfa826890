#include "cursor_places.h"

#include "human.h"
#include "json_text.h"
#include "table.h"
#include "tidemark/stream_end.h"

namespace tidemark::tools {
namespace {

std::string_view word_of(PlaceState state) {
  switch (state) {
    case PlaceState::Good:
      return "good";
    case PlaceState::Purged:
      return "purged";
    case PlaceState::Lost:
      return "lost";
  }
  return "unknown";
}

PlaceReport report_place(const Log& log, const std::string& name, const CursorPlace& place) {
  PlaceReport report;
  report.stream = place.stream;
  report.position = place.position;
  const auto end = committed_end(log, place.stream);
  if (const auto checked = check_cursor_place(log, name, place); !checked) {
    const bool purged = checked.error().code == ErrorCode::Purged;
    report.state = purged ? PlaceState::Purged : PlaceState::Lost;
  } else if (end && place.position > *end) {
    report.state = PlaceState::Lost;
  }
  if (end && place.position <= *end) report.behind_bytes = *end - place.position;
  return report;
}

}  // namespace

Result<std::vector<CursorReport>> report_cursors(const Log& log) {
  TIDEMARK_ASSIGN(cursors, list_cursors(log));
  std::vector<CursorReport> reports;
  for (const Cursor& cursor : cursors) {
    CursorReport& report = reports.emplace_back(CursorReport{cursor.name, cursor.moved_at_ns, {}});
    for (const CursorPlace& place : cursor.positions) {
      report.places.push_back(report_place(log, cursor.name, place));
    }
  }
  return reports;
}

std::string cursors_table(const std::vector<CursorReport>& cursors, const Paint& paint) {
  using Side = Table::Side;
  Table table({{"cursor"},
               {"stream", Side::Right},
               {"position", Side::Right},
               {"behind", Side::Right},
               {"place"},
               {"last moved"}});
  for (const CursorReport& cursor : cursors) {
    for (const PlaceReport& place : cursor.places) {
      const std::string word(word_of(place.state));
      table.add({printable(cursor.name), std::to_string(place.stream),
                 std::to_string(place.position),
                 place.behind_bytes ? human_bytes(*place.behind_bytes) : "-",
                 place.state == PlaceState::Good ? paint.good(word) : paint.bad(word),
                 human_clock(cursor.moved_at_ns)});
    }
  }
  return table.text(paint);
}

Json json_cursors(const std::vector<CursorReport>& cursors) {
  Json list = Json::array();
  for (const CursorReport& cursor : cursors) {
    Json json = {{"moved_at", json_number(cursor.moved_at_ns)}};
    // A name may be any bytes.
    std::string name;
    append_record_json(name, cursor.name);
    json["name"] = Json::parse(name);
    Json& places = json["places"] = Json::array();
    for (const PlaceReport& place : cursor.places) {
      places.push_back(
          {{"stream", place.stream},
           {"position", json_number(place.position)},
           {"behind_bytes", place.behind_bytes ? json_number(*place.behind_bytes) : Json(nullptr)},
           {"place", word_of(place.state)}});
    }
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace tidemark::tools
