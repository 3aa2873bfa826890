// `PendingDirectory`: a directory that is built beside its place and renamed there once it is
// complete, so that nobody ever sees half of it; what was begun and not published is removed.
#pragma once

#include <string>

#include "tidemark/file_seam.h"
#include "tidemark/result.h"

namespace tidemark {

class PendingDirectory {
 public:
  // Makes no directory yet: path() is a name that nothing has. Errors: AlreadyExists (something
  // stands at `destination`), InvalidArgument, Io.
  static Result<PendingDirectory> reserve(FileSeam& files, const std::string& destination);
  PendingDirectory(PendingDirectory&& other) noexcept;
  PendingDirectory& operator=(PendingDirectory&&) = delete;
  ~PendingDirectory();

  const std::string& path() const { return path_; }
  const std::string& destination() const { return destination_; }

  // Syncs the directory, renames it, and syncs the one that it stands in. What is in it must be
  // synced. Errors: AlreadyExists, Io.
  Result<void> publish();

 private:
  PendingDirectory(FileSeam& files, std::string destination, std::string path)
      : files_(&files), destination_(std::move(destination)), path_(std::move(path)) {}

  FileSeam* files_;
  std::string destination_;
  std::string path_;  // empty: published, or moved from
};

// Removes a file, or a directory with all that is in it, as far as that can be done.
void remove_tree(FileSeam& files, const std::string& path);

}  // namespace tidemark
