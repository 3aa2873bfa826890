// The library's version, given by the build so that it is written down once, in CMakeLists.txt.

#include "tidemark/version.h"

namespace tidemark {

std::string_view library_version() noexcept { return TIDEMARK_VERSION; }

}  // namespace tidemark
