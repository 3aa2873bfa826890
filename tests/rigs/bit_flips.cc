#include "rig.h"
namespace tidemark::rig {
int bit_flips(Rig& rig) { return rig.skip("x"); }
}  // namespace tidemark::rig
