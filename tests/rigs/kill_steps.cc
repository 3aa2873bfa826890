#include "rig.h"
namespace tidemark::rig {
int kill_steps(Rig& rig) { return rig.skip("x"); }
}  // namespace tidemark::rig
