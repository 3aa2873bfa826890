// The runner: rows of contestants that do the same work. Their runs are interleaved, so that what
// else happens on the machine meets all of them; a figure is the median of a contestant's runs, and
// what travels from machine to machine is the ratio of two figures.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "measure/scratch.h"
#include "tidemark/result.h"

namespace tidemark::bench {

struct Options {
  int runs = 5;
  std::string directory;  // where the measurements put their files
  bool quick = false;     // tiny: whether it works, not how fast it is
  bool large = false;     // what takes minutes and tens of gigabytes, too

  // `usual`, or `tiny` where nobody looks at the figures.
  uint64_t size(uint64_t usual, uint64_t tiny) const { return quick ? tiny : usual; }
};

enum class Role : uint8_t { Ours, Limit, Peer };

// The values of one contestant's runs. None: `note` says why.
struct Series {
  std::string name;
  Role role = Role::Ours;
  std::vector<double> samples;
  std::string note;

  bool measured() const { return !samples.empty(); }
  double value() const;  // the median; 0 where nothing was measured
  double best() const;
};

// One line of the table. The less, the better, in all of them.
struct Line {
  std::string suite;
  std::string name;
  std::string unit;
  std::vector<Series> series;

  const Series* find(std::string_view name) const;
};

// What one contestant does in one run. It gives a value for each metric of its row.
struct Contestant {
  std::string name;
  Role role = Role::Ours;
  std::function<Result<std::vector<double>>()> run;
  std::string absent = {};  // why there is nothing to run
};
// One of a row with one metric.
Contestant contestant(std::string name, Role role, std::function<Result<double>()> run);

struct Row {
  std::string name;
  std::vector<std::string> metrics;  // empty: one, and the row's name is the line's
  std::string unit;
  std::vector<Contestant> contestants;
  int runs = 0;  // 0: as the options say; 1 for what repeats exactly
};

class Bench {
 public:
  Bench(Options options, measure::ScratchDirectory scratch)
      : options_(std::move(options)), scratch_(std::move(scratch)) {}

  const Options& options() const { return options_; }
  const measure::ScratchDirectory& scratch() const { return scratch_; }
  const std::vector<Line>& lines() const { return lines_; }
  const std::vector<std::string>& notes() const { return notes_; }
  // Whether a contestant could not do its work.
  bool failed() const { return failed_; }

  void begin(std::string suite);
  // Runs a row. A contestant that fails is left out from there on, and said so in its line.
  void run(Row row);
  // What a reader of the table has to know, for instance what was skipped.
  void note(std::string text);

 private:
  Options options_;
  measure::ScratchDirectory scratch_;
  std::string suite_;
  std::vector<Line> lines_;
  std::vector<std::string> notes_;
  bool failed_ = false;
};

}  // namespace tidemark::bench
