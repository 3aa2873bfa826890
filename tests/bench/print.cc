#include "print.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace tidemark::bench {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<std::string>;

// Three significant digits or so.
std::string number(double value) {
  if (value >= 100 || value == 0) return fmt::format("{:.0f}", value);
  return value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

std::string ratio(double value) { return fmt::format("{:.2f}", value); }
std::string times(double value) { return number(value) + "x"; }

// What a suite's table has columns for: the names of its series, in the order of their appearance.
std::vector<std::string> columns_of(std::span<const Line> lines) {
  std::vector<std::string> names;
  for (const Role role : {Role::Ours, Role::Limit, Role::Peer}) {
    for (const Line& line : lines) {
      for (const Series& series : line.series) {
        if (series.role == role &&
            std::find(names.begin(), names.end(), series.name) == names.end())
          names.push_back(series.name);
      }
    }
  }
  return names;
}

// A limit is shown with its ratio to ours (1: as quick as can be), a peer with how many times ours
// it takes.
std::string cell(const Line& line, const std::string& name) {
  const Series* series = line.find(name);
  if (series == nullptr) return "";
  if (!series->measured()) return series->note.ends_with("was built") ? "absent" : "failed";
  const Series* ours = line.find("ours");
  std::string text = number(series->value());
  if (ours == nullptr || !ours->measured() || ours->value() == 0) return text;
  const double quotient = series->value() / ours->value();
  if (series->role == Role::Limit) text += " (" + ratio(quotient) + ")";
  if (series->role == Role::Peer) text += " (" + times(quotient) + ")";
  return text;
}

std::string best_ratio(const Line& line) {
  const Series* ours = line.find("ours");
  const auto limit = std::find_if(line.series.begin(), line.series.end(), [](const Series& series) {
    return series.role == Role::Limit && series.measured();
  });
  if (ours == nullptr || !ours->measured() || ours->best() == 0 || limit == line.series.end()) {
    return "";
  }
  return ratio(limit->best() / ours->best());
}

struct SuiteTable {
  std::string suite;
  Cells header;
  std::vector<Cells> rows;
};

std::vector<SuiteTable> tables_of(const Results& results) {
  std::vector<SuiteTable> tables;
  for (size_t first = 0; first < results.lines.size();) {
    size_t end = first;
    const std::string& suite = results.lines[first].suite;
    while (end < results.lines.size() && results.lines[end].suite == suite) ++end;
    const auto lines = results.lines.subspan(first, end - first);
    first = end;
    SuiteTable table;
    table.suite = suite;
    const auto columns = columns_of(lines);
    table.header = {suite, "unit"};
    table.header.insert(table.header.end(), columns.begin(), columns.end());
    const bool has_best = std::any_of(lines.begin(), lines.end(),
                                      [](const Line& line) { return !best_ratio(line).empty(); });
    if (has_best) table.header.emplace_back("best");
    for (const Line& line : lines) {
      Cells cells = {line.name, line.unit};
      for (const std::string& column : columns) cells.push_back(cell(line, column));
      if (has_best) cells.push_back(best_ratio(line));
      table.rows.push_back(std::move(cells));
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

SuiteTable goals_table(const Results& results) {
  SuiteTable table{"goals", {"goal", "wanted", "measured", "reached"}, {}};
  for (const Goal& goal : results.goals) {
    table.rows.push_back(
        {goal.what, fmt::format("{} {}{}", goal.at_least ? ">=" : "<=", goal.wanted, goal.unit),
         goal.measured ? fmt::format("{:.2f}{}", *goal.measured, goal.unit) : "not measured",
         !goal.measured ? "-" : (goal.reached() ? "yes" : "no")});
  }
  return table;
}

// `before` and `after` each cell; the first column to the left, the others to the right.
std::string laid_out(const SuiteTable& table, std::string_view before, std::string_view between,
                     std::string_view after, bool rule) {
  std::vector<size_t> widths(table.header.size());
  const auto widen = [&](const Cells& cells) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  };
  widen(table.header);
  for (const Cells& cells : table.rows) widen(cells);
  std::string text;
  const auto add = [&](const Cells& cells) {
    text += before;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) text += between;
      text += i == 0 ? fmt::format("{:<{}}", cells[i], widths[i])
                     : fmt::format("{:>{}}", cells[i], widths[i]);
    }
    text += after;
    text += '\n';
  };
  add(table.header);
  if (rule) {
    Cells dashes;
    for (size_t i = 0; i < widths.size(); ++i) {
      dashes.push_back(std::string(std::max<size_t>(widths[i], 4) - 1, '-') + (i == 0 ? "-" : ":"));
    }
    add(dashes);
  }
  for (const Cells& cells : table.rows) add(cells);
  return text;
}

std::vector<std::pair<std::string, std::string>> machine_facts(const Results& results) {
  const Machine& machine = results.machine;
  return {{"date", machine.date},
          {"processor", machine.processor},
          {"memory", machine.memory},
          {"system", machine.system},
          {"storage", machine.storage},
          {"build", machine.build},
          {"XXH3 of the limits", machine.xxh3},
          {"load", machine.load},
          {"runs", std::to_string(results.runs)},
          {"command", results.command}};
}

constexpr std::string_view kLegend =
    "Medians of interleaved runs. Behind a limit in parentheses: limit / ours, 1 is as quick as "
    "can "
    "be. Behind a peer: peer / ours, how many times as long it takes. best: limit / ours of the "
    "best runs of the first limit.";

Json json_of(const Line& line) {
  Json row = {{"suite", line.suite}, {"name", line.name}, {"unit", line.unit}};
  const Series* ours = line.find("ours");
  Json& all = row["series"] = Json::array();
  for (const Series& series : line.series) {
    Json one = {{"name", series.name},
                {"role", series.role == Role::Ours    ? "ours"
                         : series.role == Role::Limit ? "limit"
                                                      : "peer"}};
    if (series.measured()) {
      one["median"] = series.value();
      one["best"] = series.best();
      one["samples"] = series.samples;
      if (ours != nullptr && ours != &series && ours->measured() && ours->value() != 0) {
        one["by_ours"] = series.value() / ours->value();
      }
    } else {
      one["absent"] = series.note;
    }
    all.push_back(std::move(one));
  }
  return row;
}

}  // namespace

std::string text_of(const Results& results) {
  std::string text;
  for (const auto& [name, value] : machine_facts(results)) {
    text += fmt::format("{:<20}{}\n", name, value);
  }
  text += fmt::format("\n{}\n", kLegend);
  for (const SuiteTable& table : tables_of(results)) {
    text += '\n';
    for (const std::string& note : results.notes) {
      if (note.starts_with(table.suite + ":")) text += note + '\n';
    }
    text += laid_out(table, "", "  ", "", false);
  }
  return text + '\n' + laid_out(goals_table(results), "", "  ", "", false);
}

std::string markdown_of(const Results& results) {
  std::string text;
  for (const auto& [name, value] : machine_facts(results)) {
    text += fmt::format("* {}: {}\n", name, value);
  }
  text += fmt::format("\n{}\n", kLegend);
  for (const SuiteTable& table : tables_of(results)) {
    text += fmt::format("\n### {}\n\n", table.suite);
    for (const std::string& note : results.notes) {
      if (!note.starts_with(table.suite + ": ")) continue;
      std::string sentence = note.substr(table.suite.size() + 2);
      sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
      text += sentence + ".\n\n";
    }
    text += laid_out(table, "| ", " | ", " |", true);
  }
  return text + "\n### Figures to reach\n\n" +
         laid_out(goals_table(results), "| ", " | ", " |", true);
}

std::string json_of(const Results& results) {
  Json json;
  Json& machine = json["machine"] = Json::object();
  for (const auto& [name, value] : machine_facts(results)) machine[name] = value;
  json["runs"] = results.runs;
  json["notes"] = results.notes;
  Json& rows = json["rows"] = Json::array();
  for (const Line& line : results.lines) rows.push_back(json_of(line));
  Json& goals = json["goals"] = Json::array();
  for (const Goal& goal : results.goals) {
    goals.push_back({{"goal", goal.what},
                     {"at_least", goal.at_least},
                     {"wanted", goal.wanted},
                     {"unit", goal.unit},
                     {"measured", goal.measured ? Json(*goal.measured) : Json()},
                     {"reached", goal.measured ? Json(goal.reached()) : Json()}});
  }
  return json.dump(2) + '\n';
}

}  // namespace tidemark::bench
