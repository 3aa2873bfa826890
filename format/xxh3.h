// xxHash, inlined: the door of frame.cc and hash.cc, which is the only way to it. A call into its
// library costs a frame of 64 B about as much as hashing does.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>
