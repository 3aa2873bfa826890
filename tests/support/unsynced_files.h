// Files that are never synced: for tests that write many logs and cut no power.

#pragma once

#include "support/forwarding_files.h"

namespace tidemark::test {

class UnsyncedFiles : public ForwardingFiles {
 public:
  int sync_data(int /*descriptor*/) override { return 0; }
  int sync_all(int /*descriptor*/) override { return 0; }
  int sync_directory(const std::string& /*path*/) override { return 0; }
};

}  // namespace tidemark::test
