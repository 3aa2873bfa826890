# What libtidemark needs from outside, found the same way by Tidemark's own build and by the installed
# package: so a consumer resolves these on its own machine, and no path of the build machine is kept.
#
#   tl::expected                 the Result<T> of the public headers
#   PkgConfig::tidemark_lmdb     the catalog; only a static libtidemark passes it on
#   PkgConfig::tidemark_xxhash   checksums; likewise

include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(tl-expected CONFIG)

# Defines PkgConfig::<prefix>, by pkg-config or, where that does not know the module, by searching.
macro(tidemark_find_library prefix module header library)
  find_package(PkgConfig QUIET)
  if(PKG_CONFIG_FOUND AND NOT TARGET PkgConfig::${prefix})
    pkg_check_modules(${prefix} QUIET IMPORTED_TARGET GLOBAL ${module})
  endif()
  if(NOT TARGET PkgConfig::${prefix})
    find_path(${prefix}_header_directory ${header})
    find_library(${prefix}_file ${library})
    if(NOT ${prefix}_header_directory OR NOT ${prefix}_file)
      message(FATAL_ERROR "Tidemark needs ${header} and lib${library}; neither pkg-config (${module}) nor a search found them.")
    endif()
    add_library(PkgConfig::${prefix} INTERFACE IMPORTED GLOBAL)
    target_include_directories(PkgConfig::${prefix} INTERFACE "${${prefix}_header_directory}")
    target_link_libraries(PkgConfig::${prefix} INTERFACE "${${prefix}_file}")
  endif()
endmacro()

tidemark_find_library(tidemark_lmdb lmdb lmdb.h lmdb)
tidemark_find_library(tidemark_xxhash libxxhash xxhash.h xxhash)
