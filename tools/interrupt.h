// Interrupts: SIGINT and SIGTERM ask a command to stop in good order, a second one ends it at once.
#pragma once

#include <chrono>

namespace tidemark::tools {

// Signals within this time are one interrupt: timeout(1) signals its child, and right after that
// the group which the child is in.
inline constexpr std::chrono::milliseconds kOneInterrupt{500};

// From now on the first SIGINT or SIGTERM only sets the flag below. Call once, before any thread.
void catch_interrupts();

bool interrupted();

// A descriptor that becomes readable with the interrupt, for poll(); -1 where none was caught.
// It closes the gap between looking at the flag and falling asleep.
int interrupt_descriptor();

}  // namespace tidemark::tools
