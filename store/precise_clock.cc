#include "precise_clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tidemark {

// "Invariant TSC": at one rate in all states of power, those of sleep too (Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 3, section on the time-stamp counter).
bool has_steady_processor_count() {
#if defined(__x86_64__)
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(0x8000'0007, &a, &b, &c, &d) != 0 && (d & (1U << 8)) != 0;
#else
  return false;
#endif
}

}  // namespace tidemark
