// Keeps the target buildable until its first source; the include proves that the layer below is
// seen.

#include "tidemark/version.h"

static_assert(tidemark::kFormatVersion.major == 1);
