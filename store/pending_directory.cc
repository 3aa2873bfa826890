#include "pending_directory.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>
#include <vector>

namespace tidemark {
namespace {

tl::unexpected<Error> fail_taken(const std::string& path) {
  auto error = fail(ErrorCode::AlreadyExists, "something stands there already");
  error.value().path = path;
  return error;
}

}  // namespace

void remove_tree(FileSeam& files, const std::string& path) {
  FileStatus status;
  if (files.status(path, status) < 0) return;
  if (!status.is_directory) {
    files.remove_file(path);
    return;
  }
  std::vector<std::string> names;
  if (files.list(path, names) < 0) return;
  for (const std::string& name : names) {
    remove_tree(files, std::string(path).append("/").append(name));
  }
  files.remove_directory(path);
}

Result<PendingDirectory> PendingDirectory::reserve(FileSeam& files,
                                                   const std::string& destination) {
  std::string place = destination;
  while (place.size() > 1 && place.back() == '/') place.pop_back();
  if (place.empty()) return fail(ErrorCode::InvalidArgument, "the path of a log is empty");
  FileStatus status;
  if (const int answer = files.status(place, status); answer >= 0) return fail_taken(place);
  std::array<std::byte, 8> number{};
  if (const int answer = files.random(number); answer < 0) {
    return fail_system("cannot get random bytes for", place, -answer);
  }
  std::string path = place + ".new-";
  for (const std::byte byte : number) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    path += kDigits[std::to_integer<size_t>(byte >> 4)];
    path += kDigits[std::to_integer<size_t>(byte & std::byte{15})];
  }
  return PendingDirectory(files, std::move(place), std::move(path));
}

PendingDirectory::PendingDirectory(PendingDirectory&& other) noexcept
    : files_(other.files_),
      destination_(std::move(other.destination_)),
      path_(std::exchange(other.path_, {})) {}

PendingDirectory::~PendingDirectory() {
  if (!path_.empty()) remove_tree(*files_, path_);
}

Result<void> PendingDirectory::publish() {
  if (const int answer = files_->sync_directory(path_); answer < 0) {
    return fail_system("cannot sync", path_, -answer);
  }
  const int renamed = files_->rename_new(path_, destination_);
  if (renamed == -EEXIST) return fail_taken(destination_);
  if (renamed < 0) return fail_system("cannot create", destination_, -renamed);
  path_.clear();
  const size_t slash = destination_.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : destination_.substr(0, slash);
  if (const int answer = files_->sync_directory(parent); answer < 0) {
    return fail_system("cannot sync", parent, -answer);
  }
  return {};
}

}  // namespace tidemark
