// Interrupts: SIGINT and SIGTERM ask a command to stop in good order, a second one ends it at once.
#pragma once

namespace tidemark::tools {

// From now on the first SIGINT or SIGTERM only sets the flag below. Call once, before any thread.
void catch_interrupts();

bool interrupted();

// A descriptor that becomes readable with the interrupt, for poll(); -1 where none was caught.
// It closes the gap between looking at the flag and falling asleep.
int interrupt_descriptor();

}  // namespace tidemark::tools
