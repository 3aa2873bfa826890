# A system header can be included from anywhere, so no target can keep a dependency behind its door: this
# reads the #include lines. It also refuses paths that climb out of a package.

cmake_minimum_required(VERSION 3.25)

# check(<what is included, a regular expression> <files that may include it, a regular expression>)
function(check included allowed)
  foreach(file IN LISTS sources)
    if(file MATCHES "${allowed}")
      continue()
    endif()
    file(STRINGS "${root}/${file}" lines REGEX "^ *# *include *[<\"](${included})")
    foreach(line IN LISTS lines)
      message(SEND_ERROR "${file}: ${line}\n  only files that match ${allowed} may include this")
    endforeach()
  endforeach()
endfunction()

set(patterns "")
foreach(package IN ITEMS format store replay tools tests)
  list(APPEND patterns "${root}/${package}/*.h" "${root}/${package}/*.cc")
endforeach()
file(GLOB_RECURSE sources RELATIVE "${root}" ${patterns})
list(LENGTH sources count)
if(count EQUAL 0)
  message(FATAL_ERROR "No sources under ${root}: the check would pass without looking at anything.")
endif()

check("flatbuffers/|[a-z_]*_generated\\.h" "^(format|tests)/")
# The limit that `tidemark bench` shows is what the bare XXH3 of this machine gives.
check("xxhash\\.h" "^(format/|tests/|tools/measure/bare_loops\\.cc)")
check("lmdb\\.h" "^(store/catalog\\.cc|tests/)")
check("catch2/" "^tests/")
check("CLI/|fmt/|nlohmann/" "^(tools|tests)/")
check("\\.\\./" "^$")
message(STATUS "${count} files checked")
