// What a loss of power may leave of a simulated disk (SPEC.md section 7.2): a snapshot of both of
// its versions, the medium's and the page cache's, and every way to choose between them.
//
//   page        as at the last sync, as it is, as it was at a moment between; torn between the two
//               at 512 bytes; mixed of the two at 8 bytes, since a page is written out while it is
//               stored to; zero or garbage, if it was zero at the last sync
//   directory   each entry that was made, renamed or removed since the directory was synced: so or
//               not, each by itself
//   size        that of the last sync, or the present one
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rig.h"
#include "simulated_disk.h"

namespace tidemark::rig {

enum class Variant : uint8_t { New, Old, Torn, Mixed, Zero, Garbage, Between };
inline constexpr int kVariants = 7;

// One way to choose. Sizes and entries as bits in the order of Snapshot's lists.
struct Choice {
  std::vector<Variant> pages;
  uint64_t entries = ~uint64_t{0};
  uint64_t sizes = ~uint64_t{0};
  uint64_t noise = 0;  // seeds what is torn where, and garbage
};

class Snapshot {
 public:
  // With the disk locked. Remembers its pages as versions of the moment.
  explicit Snapshot(SimulatedDisk& disk);

  size_t dirty_pages() const { return pages_.size(); }
  size_t dirty_entries() const { return entries_; }
  size_t dirty_sizes() const { return sizes_; }
  // Whether storage may leave this page so; if not, build() leaves it old.
  bool allows(size_t page, Variant variant) const;

  // Calls `visit(choice)` for every subset of the dirty pages that is left not new, in each
  // variant, with each subset of the entries and sizes, where there are at most `limit` of these;
  // else for `limit` of them by chance, the extremes first. Until it returns false.
  template <typename Visit>
  void for_each_choice(uint64_t limit, Random& random, Visit visit) const;
  Choice random_choice(Random& random) const;
  // Whether there are at most `limit` of them.
  bool can_enumerate(uint64_t limit) const;

  // The root of the tree that this choice leaves, all of it synced.
  NodePtr build(const Choice& choice) const;
  std::string describe(const Choice& choice) const;

 private:
  struct Frozen {
    bool is_directory = false;
    std::string name;  // for people
    std::shared_ptr<const PageBuffer> live;
    std::shared_ptr<const PageBuffer> synced;
    std::vector<std::shared_ptr<const PageBuffer>> versions;
    std::map<std::string, size_t> durable;
    std::vector<EntryChange> pending;  // nodes by `pending_nodes`
    std::vector<size_t> pending_nodes;
    size_t first_entry = 0;       // of its pending ones in Choice::entries
    size_t first_page = 0;        // of its dirty ones in Choice::pages
    std::vector<uint32_t> dirty;  // pages
    size_t size_bit = ~size_t{0};
  };
  struct DirtyPage {
    size_t file = 0;
    uint32_t page = 0;
    bool was_zero = false;
    bool is_hint = false;  // of the control page, which nothing may rely on
  };
  size_t freeze(const NodePtr& node, const std::string& name, std::map<const Node*, size_t>& known);
  void patch(const Frozen& file, PageBuffer& bytes, const Choice& choice) const;

  std::vector<Frozen> nodes_;
  std::vector<DirtyPage> pages_;
  size_t entries_ = 0;
  size_t sizes_ = 0;
  size_t hints_ = 0;
};

// Leaves a tree as files, for people to look into.
void dump(const NodePtr& node, const std::string& path);

template <typename Visit>
void Snapshot::for_each_choice(uint64_t limit, Random& random, Visit visit) const {
  // The control page is chosen by chance: it doubles the images and is a hint.
  std::vector<size_t> free;
  for (size_t i = 0; i < pages_.size(); ++i) {
    if (!pages_[i].is_hint) free.push_back(i);
  }
  const size_t bits = free.size() + entries_ + sizes_;
  const bool all = can_enumerate(limit);
  const uint64_t subsets = bits < 20 ? uint64_t{1} << bits : 0;
  Choice choice;
  const auto emit = [&](uint64_t subset, Variant variant) {
    choice.pages.assign(pages_.size(), Variant::New);
    bool possible = subset == 0;
    for (size_t i = 0; i < free.size(); ++i) {
      if ((subset >> i & 1) == 0) continue;
      choice.pages[free[i]] = variant;
      possible |= allows(free[i], variant);
    }
    choice.noise = random();
    for (size_t i = 0; i < pages_.size(); ++i) {
      if (pages_[i].is_hint) choice.pages[i] = static_cast<Variant>(choice.noise % kVariants);
    }
    choice.entries = ~(subset >> free.size());
    choice.sizes = ~(subset >> (free.size() + entries_));
    // Entries and sizes alone are told once, as those of Variant::Old.
    if (!possible && variant != Variant::Old) return true;
    return visit(choice);
  };
  if (all) {
    for (uint64_t subset = 0; subset < subsets; ++subset) {
      for (int variant = 1; variant < kVariants; ++variant) {
        if (!emit(subset, static_cast<Variant>(variant))) return;
        if (subset == 0) break;
      }
    }
    return;
  }
  uint64_t told = 0;
  for (int variant = 0; variant < kVariants && told < limit; ++variant, ++told) {
    if (!emit(~uint64_t{0}, static_cast<Variant>(variant))) return;
  }
  for (; told < limit; ++told) {
    if (told % 2 == 0) {
      if (!visit(random_choice(random))) return;
    } else if (!emit(random.sparse(), static_cast<Variant>(1 + random.below(kVariants - 1)))) {
      return;
    }
  }
}

}  // namespace tidemark::rig
