# Installs into one directory, moves that to another, and builds a consumer against what was moved: so a
# path of this machine that slipped into the package is found out.

cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}\n=> ${result}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(installed "${work_directory}/a moved prefix")
if(way STREQUAL "pkgconfig")
  # pkg-config escapes spaces with backslashes that only a shell removes again.
  set(installed "${work_directory}/moved")
endif()
file(REMOVE_RECURSE "${work_directory}")
run("${CMAKE_COMMAND}" --install "${build_directory}" --prefix "${work_directory}/staged")
file(RENAME "${work_directory}/staged" "${installed}")

file(GLOB_RECURSE package_files "${installed}/*.cmake" "${installed}/*.pc")
if(NOT package_files)
  message(FATAL_ERROR "Nothing was installed that describes the package.")
endif()
foreach(file IN LISTS package_files)
  file(READ "${file}" text)
  foreach(path IN ITEMS "${work_directory}/staged" "${build_directory}" "${source_directory}")
    string(FIND "${text}" "${path}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${file} names a path of the build machine: ${path}")
    endif()
  endforeach()
endforeach()

set(consumer "${CMAKE_CURRENT_LIST_DIR}/consumer")
if(sanitize)
  set(sanitizer_flag "-fsanitize=${sanitize}")
endif()

if(way STREQUAL "cmake")
  run("${CMAKE_COMMAND}" -S "${consumer}" -B "${work_directory}/build" -G Ninja
    "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_CXX_FLAGS=${sanitizer_flag}"
    "-DCMAKE_PREFIX_PATH=${installed}" "-Dtidemark_version=${version}")
  run("${CMAKE_COMMAND}" --build "${work_directory}/build")
  set(program "${work_directory}/build/consumer")
else()
  set(ENV{PKG_CONFIG_PATH} "${installed}/${library_directory}/pkgconfig")
  run(pkg-config "--exact-version=${version}" tidemark)
  run(pkg-config --cflags --libs --static tidemark)
  separate_arguments(flags UNIX_COMMAND "${output}")
  set(program "${work_directory}/consumer")
  run("${compiler}" -std=c++20 ${sanitizer_flag} "${consumer}/main.cc" -o "${program}" ${flags})
endif()

# Where the library is shared, the moved directory is on no search path of the loader.
set(ENV{LD_LIBRARY_PATH} "${installed}/${library_directory}")
run("${program}")
string(STRIP "${output}" output)
if(NOT output STREQUAL "${version}")
  message(FATAL_ERROR "The consumer printed '${output}' instead of '${version}'.")
endif()
