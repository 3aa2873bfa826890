#include "rig.h"
namespace tidemark::rig {
int wakes(Rig& rig) { return rig.skip("x"); }
}  // namespace tidemark::rig
