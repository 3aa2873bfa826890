#include "slice.h"

#include <algorithm>

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

// Of the times at or after both the meet and the slice's beginning, the least is the one that is
// not beyond the slice's end if any is. Between the bounds it lies if the join is after both.
bool Slice::wants(const TimeBounds& bounds) const {
  if (!check(bounds.meet.shape())) return true;  // to be refused where it is read
  return image(bounds.meet) && (!from_ || less_equal(*from_, bounds.join));
}

bool Slice::over(std::span<const Change> counts) const {
  return until_ && std::none_of(counts.begin(), counts.end(), [&](const Change& held) {
           return !check(held.time.shape()) || image(held.time).has_value();
         });
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
