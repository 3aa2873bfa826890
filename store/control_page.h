// The file `control` of a stream: what the processes of one boot tell each other (SPEC.md
// section 6). A hint throughout: nothing in it bounds an access, and everything may be stale.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/file_seam.h"
#include "tidemark/layout.h"
#include "tidemark/result.h"

namespace tidemark {

enum class WriterState : uint32_t { Unknown = 0, Open = 1, Closed = 2, Poisoned = 3 };

// The page as it lies in the file. Fields that change while others look are accessed through
// std::atomic_ref; each cache line has one kind of writer.
struct ControlLayout {
  char boot_id[48];  // of the boot in which `state` and `durable` were written; NUL-padded
  uint64_t incarnation;
  uint32_t state;  // WriterState; stored last, with release, when a writer opens
  uint32_t reserved_0;
  // Written by the writer and its helper threads, read by readers.
  uint64_t durable;    // the durable position
  uint64_t published;  // counts publications; a change says that a successor may be there
  uint8_t reserved_1[48];
  // Made odd by readers that fall asleep, even by the writer that wakes them.
  uint32_t sleepers;  // odd: someone sleeps, or is about to
  uint8_t reserved_2[3964];
};
static_assert(sizeof(ControlLayout) == kControlBytes);
static_assert(offsetof(ControlLayout, durable) == 64);
static_assert(offsetof(ControlLayout, sleepers) == 128);

class ControlPage {
 public:
  // Creates the file where there is none, and syncs it and its directory then. The caller holds
  // the stream's lock. Errors: NoSpace, Io.
  static Result<ControlPage> open_for_writing(FileSeam& files, const std::string& directory);
  // Nothing where there is no such file, or one that is too short to be mapped safely.
  static std::optional<ControlPage> open_for_reading(FileSeam& files, const std::string& directory);
  ControlPage(ControlPage&& other) noexcept;
  ControlPage& operator=(ControlPage&& other) noexcept;
  ~ControlPage();

  // The writer's half.
  void begin(uint64_t incarnation, uint64_t durable);
  void set_durable(uint64_t position);
  void note_published();
  void set_state(WriterState state);
  // After a commit: one load of a line that hardly ever changes, unless someone sleeps.
  void wake_sleepers() {
    // The reader makes the word odd, makes every writer's core pass a barrier (membarrier), and
    // looks again before it sleeps. So it is enough here that the compiler keeps the load after the
    // commit: a commit that this load overtook in the store buffer is seen by that second look.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (std::atomic_ref<uint32_t>(page_->sleepers).load(std::memory_order_relaxed) % 2 != 0)
        [[unlikely]] {
      wake_all();
    }
  }

  // The reader's half. The durable position, if a writer of this boot has left one.
  std::optional<uint64_t> durable() const;
  WriterState state() const;  // Unknown if left by another boot
  uint64_t published() const;
  // What to sleep on; nothing where this process may not write to the page. The word counts: if it
  // only said whether someone sleeps, a reader that comes after a wake would make it look as it
  // did before, and one that was just about to sleep would do so (tests/rigs/memory_model).
  std::optional<FutexWait> arm();

 private:
  ControlPage(FileSeam& files, ControlLayout* page, bool writable);
  void wake_all();
  bool of_this_boot() const;

  FileSeam* files_;
  ControlLayout* page_;
  bool writable_;
  std::string boot_id_;
};

}  // namespace tidemark
