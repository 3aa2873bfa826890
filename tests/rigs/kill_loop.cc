#include "rig.h"
namespace tidemark::rig {
int kill_loop(Rig& rig) { return rig.skip("x"); }
}  // namespace tidemark::rig
