// What must hold in the child of a fork: it may not append, and it must not keep its parent's
// locks alive.
#pragma once

#include <atomic>
#include <cstdint>

namespace tidemark {

// Grows in each child of a fork. A writer compares it with what it was when it was opened, which
// costs a load where asking for the process id would cost a system call.
namespace fork_guard {
// Stored by the child, right after the fork; constant-initialised, for that may be at any time.
inline std::atomic<uint32_t> generation{0};
}  // namespace fork_guard
inline uint32_t fork_generation() { return fork_guard::generation.load(std::memory_order_relaxed); }

// A lock ends when its last descriptor is closed, and a child inherits descriptors. The child
// closes those that are registered here, right after the fork.
void close_in_fork_children(int descriptor);
// Returns whether it was registered: false in the child, where it is closed already.
bool forget_in_fork_children(int descriptor);

}  // namespace tidemark
