// Judges the data file of an LMDB environment before LMDB walks it (SPEC.md section 2).
//
// LMDB's pages have no checksums, and it trusts what they say: a truncated file ends in a SIGBUS,
// a flipped bit in a page number, a size or an offset in a failed assertion or worse. So the
// structure is judged first: every page that can be reached, every node in it. What this cannot
// see is damage within a structure that makes sense: for that, values have their own checksums.
#pragma once

#include <cstdint>
#include <string>

#include "tidemark/file_seam.h"
#include "tidemark/result.h"

namespace tidemark {

// Before the environment is opened: size, and both meta pages. A file that is shorter than its
// meta pages say, though it holds the roots, is made that long with zeros, for LMDB may leave a
// last page unwritten, and mapping what is not there is a SIGBUS. An empty file is good: LMDB
// makes a new environment of it. Errors: Corrupt, Io.
Result<void> check_catalog_file(FileSeam& files, const std::string& path);

// After it is opened, within a read transaction of this id, which keeps its pages from being
// reused: every page of the snapshot. Errors: Corrupt, Io.
Result<void> check_catalog_pages(FileSeam& files, int descriptor, uint64_t transaction);

}  // namespace tidemark
