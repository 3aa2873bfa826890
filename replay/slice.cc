#include "slice.h"

#include "changes.h"

namespace tidemark {

Result<void> Slice::check(TimeShape shape) const {
  for (const auto& bound : {from_, until_}) {
    if (bound && bound->shape() != shape) {
      return fail(ErrorCode::InvalidArgument,
                  "the bound " + bound->text() + " has not the shape of the streams' times");
    }
  }
  return {};
}

bool Slice::contains(const Time& time) const {
  return (!from_ || less_equal(*from_, time)) && (!until_ || !less_equal(*until_, time));
}

std::optional<Time> Slice::image(const Time& time) const {
  const Time first = from_ ? join(time, *from_) : time;
  if (until_ && less_equal(*until_, first)) return std::nullopt;
  return first;
}

Result<void> Slice::restrict(std::vector<Change>& changes) const {
  size_t kept = 0;
  for (const Change& change : changes) {
    if (const auto time = image(change.time)) changes[kept++] = {*time, change.diff};
  }
  changes.resize(kept);
  return net(changes);
}

}  // namespace tidemark
