#include "rig.h"
namespace tidemark::rig {
int call_faults(Rig& rig) { return rig.skip("x"); }
}  // namespace tidemark::rig
