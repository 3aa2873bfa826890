#include "crash_image.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace tidemark::rig {
namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr size_t kWordBytes = 8;
// So many of the versions of a file between two syncs are remembered.
constexpr size_t kVersionsKept = 3;

std::string_view text_of(Variant variant) {
  constexpr std::string_view kNames[] = {"new",  "old",     "torn",   "mixed",
                                         "zero", "garbage", "between"};
  static_assert(std::size(kNames) == kVariants);
  return kNames[static_cast<size_t>(variant)];
}

bool equal(const PageBuffer& a, const PageBuffer* b) {
  return b != nullptr && a.size() == b->size() && std::memcmp(a.data(), b->data(), a.size()) == 0;
}

}  // namespace

Snapshot::Snapshot(SimulatedDisk& disk) {
  std::map<const Node*, size_t> known;
  freeze(disk.root, "/", known);
}

size_t Snapshot::freeze(const NodePtr& node, const std::string& name,
                        std::map<const Node*, size_t>& known) {
  if (const auto found = known.find(node.get()); found != known.end()) return found->second;
  const size_t index = nodes_.size();
  known[node.get()] = index;
  nodes_.emplace_back();
  if (node->is_directory) {
    Frozen frozen;
    frozen.is_directory = true;
    frozen.name = name;
    frozen.first_entry = entries_;
    frozen.pending = node->pending;
    entries_ += node->pending.size();
    for (const auto& [entry, child] : node->durable) {
      frozen.durable[entry] = freeze(child, entry, known);
    }
    for (EntryChange& change : frozen.pending) {
      frozen.pending_nodes.push_back(freeze(change.node, change.name, known));
      change.node = nullptr;
    }
    nodes_[index] = std::move(frozen);
    return index;
  }
  Frozen frozen;
  frozen.name = name;
  frozen.synced = node->synced;
  frozen.first_page = pages_.size();
  if (node->live && !equal(*node->live, node->synced.get())) {
    auto copy = std::make_shared<PageBuffer>(node->live->size(), *node->live);
    frozen.live = copy;
    frozen.versions = node->versions;
    if (node->versions.empty() || !equal(*copy, node->versions.back().get())) {
      if (node->versions.size() == kVersionsKept) node->versions.erase(node->versions.begin());
      node->versions.push_back(copy);
    }
    for (uint64_t page = 0; page < copy->pages(); ++page) {
      if (copy->same_page(page, node->synced.get())) continue;
      const bool was_zero =
          !node->synced || page >= node->synced->pages() || node->synced->same_page(page, nullptr);
      frozen.dirty.push_back(static_cast<uint32_t>(page));
      const bool is_hint = name == "control";
      pages_.push_back({index, static_cast<uint32_t>(page), was_zero, is_hint});
      hints_ += is_hint ? 1 : 0;
    }
    const uint64_t synced_bytes = node->synced ? node->synced->size() : 0;
    if (synced_bytes != copy->size()) frozen.size_bit = sizes_++;
  } else {
    frozen.live = node->synced;
  }
  nodes_[index] = std::move(frozen);
  return index;
}

bool Snapshot::can_enumerate(uint64_t limit) const {
  const size_t bits = pages_.size() - hints_ + entries_ + sizes_;
  return bits < 20 && (uint64_t{kVariants - 1} << bits) <= limit;
}

bool Snapshot::allows(size_t page, Variant variant) const {
  switch (variant) {
    case Variant::Zero:
    case Variant::Garbage:
      return pages_[page].was_zero;
    case Variant::Between:
      return !nodes_[pages_[page].file].versions.empty();
    default:
      return true;
  }
}

Choice Snapshot::random_choice(Random& random) const {
  Choice choice;
  choice.noise = random();
  choice.entries = random.dense();
  choice.sizes = random.dense();
  // Some images are nearly whole, some nearly lost.
  const uint64_t mood = random.below(4);
  for (size_t i = 0; i < pages_.size(); ++i) {
    auto variant = static_cast<Variant>(random.below(kVariants));
    if (mood == 0 && random.below(8) != 0) variant = Variant::New;
    if (mood == 1 && random.below(8) != 0) variant = Variant::Old;
    choice.pages.push_back(variant);
  }
  return choice;
}

void Snapshot::patch(const Frozen& file, PageBuffer& bytes, const Choice& choice) const {
  for (size_t i = 0; i < file.dirty.size(); ++i) {
    const uint32_t page = file.dirty[i];
    const size_t number = file.first_page + i;
    const Variant variant = choice.pages[number];
    if (variant == Variant::New || page >= bytes.pages()) continue;
    Random random(choice.noise, number);
    std::byte* const to = bytes.data() + page * kPageBytes;
    const bool had_bytes = file.synced && page < file.synced->pages();
    const auto restore = [&](uint64_t offset, size_t count) {
      if (had_bytes) {
        std::memcpy(to + offset, file.synced->page(page) + offset, count);
      } else {
        std::memset(to + offset, 0, count);
      }
    };
    if (variant == Variant::Torn) {
      // Which sectors are old: a beginning, an end, or any.
      const uint64_t keep = 1 + random.below(7);
      const uint64_t kind = random.below(3);
      uint64_t old = random.below(256);
      if (kind == 0) old = (uint64_t{1} << keep) - 1;
      if (kind == 1) old = 0xFF & ~((uint64_t{1} << keep) - 1);
      for (uint64_t sector = 0; sector < kPageBytes / kSectorBytes; ++sector) {
        if (old >> sector & 1) restore(sector * kSectorBytes, kSectorBytes);
      }
    } else if (variant == Variant::Mixed) {
      const uint64_t sparse = random();
      for (size_t word = 0; word < kPageBytes / kWordBytes; word += 64) {
        uint64_t old = random();
        if (sparse % 3 == 0) old &= random.sparse();
        if (sparse % 3 == 1) old |= random.dense();
        for (size_t bit = 0; bit < 64; ++bit) {
          if (old >> bit & 1) restore((word + bit) * kWordBytes, kWordBytes);
        }
      }
    } else if (variant == Variant::Between && allows(number, variant)) {
      const auto& version = file.versions[random.below(file.versions.size())];
      if (page < version->pages()) std::memcpy(to, version->page(page), kPageBytes);
    } else if (variant == Variant::Zero && allows(number, variant)) {
      std::memset(to, 0, kPageBytes);
    } else if (variant == Variant::Garbage && allows(number, variant)) {
      for (size_t at = 0; at < kPageBytes; at += kWordBytes) {
        const uint64_t word = random();
        std::memcpy(to + at, &word, sizeof word);
      }
    } else {
      restore(0, kPageBytes);
    }
  }
}

NodePtr Snapshot::build(const Choice& choice) const {
  std::vector<NodePtr> made(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Frozen& frozen = nodes_[i];
    made[i] = std::make_shared<Node>();
    made[i]->is_directory = frozen.is_directory;
    made[i]->inode = i + 1;
    if (frozen.is_directory || !frozen.live) continue;
    const bool new_size = frozen.size_bit == ~size_t{0} || (choice.sizes >> frozen.size_bit & 1);
    const uint64_t bytes = new_size        ? frozen.live->size()
                           : frozen.synced ? frozen.synced->size()
                                           : 0;
    if (bytes == 0) continue;
    if (frozen.dirty.empty() && bytes == frozen.live->size()) {
      made[i]->live = std::const_pointer_cast<PageBuffer>(frozen.live);
      made[i]->is_shared = true;
      continue;
    }
    made[i]->live = std::make_shared<PageBuffer>(bytes, *frozen.live);
    patch(frozen, *made[i]->live, choice);
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Frozen& frozen = nodes_[i];
    if (!frozen.is_directory) continue;
    for (const auto& [name, node] : frozen.durable) made[i]->entries[name] = made[node];
    for (size_t k = 0; k < frozen.pending.size(); ++k) {
      const size_t bit = frozen.first_entry + k;
      if (bit < 64 && (choice.entries >> bit & 1) == 0) continue;
      EntryChange change = frozen.pending[k];
      change.node = made[frozen.pending_nodes[k]];
      apply_change(change, made[i]->entries);
    }
    made[i]->durable = made[i]->entries;
  }
  return made.front();
}

std::string Snapshot::describe(const Choice& choice) const {
  std::string text;
  for (size_t i = 0; i < pages_.size(); ++i) {
    if (choice.pages[i] == Variant::New) continue;
    text += ' ' + nodes_[pages_[i].file].name + " page " + std::to_string(pages_[i].page) + ' ' +
            std::string(text_of(choice.pages[i]));
  }
  for (const Frozen& frozen : nodes_) {
    for (size_t k = 0; k < frozen.pending.size(); ++k) {
      const size_t bit = frozen.first_entry + k;
      if (bit < 64 && (choice.entries >> bit & 1) == 0) {
        text += " without the change of the entry " + frozen.pending[k].name;
      }
    }
    if (frozen.size_bit != ~size_t{0} && (choice.sizes >> frozen.size_bit & 1) == 0) {
      text += ' ' + frozen.name + " as long as before";
    }
  }
  return text.empty() ? " all new" : text;
}

void dump(const NodePtr& node, const std::string& path) {
  if (node->is_directory) {
    std::filesystem::create_directories(path);
    for (const auto& [name, child] : node->entries) dump(child, std::filesystem::path(path) / name);
    return;
  }
  std::ofstream file(path, std::ios::binary);
  if (node->live) {
    file.write(reinterpret_cast<const char*>(node->live->data()),
               static_cast<std::streamsize>(node->live->size()));
  }
}

}  // namespace tidemark::rig
