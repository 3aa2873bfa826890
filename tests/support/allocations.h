// Counts every allocation of an executable, by whichever operator new it is made. Replaces the
// operators, so exactly one source of an executable includes it.

#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace tidemark::test {
inline std::atomic<uint64_t> allocations{0};
}

// Not inlined: the compiler would see malloc's memory given to operator delete, and warn.
[[gnu::noinline]] void* operator new(size_t bytes) {
  tidemark::test::allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  std::abort();
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
