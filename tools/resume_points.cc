#include "resume_points.h"

namespace tidemark::tools {

void ResumePoints::note(uint64_t time, const InputPlace& place) {
  if (!points_.empty() && time <= points_.back().time) return;
  points_.push_back({time, place});
  if (points_.size() < kMaxPoints) return;
  // Whoever asks for a frontier between the two times of a pair starts at the earlier place: too
  // early is never wrong.
  std::deque<Point> thinned;
  for (size_t i = 0; i + 1 < points_.size(); i += 2) {
    thinned.push_back({points_[i + 1].time, points_[i].place});
  }
  if (points_.size() % 2 == 1) thinned.push_back(points_.back());
  points_.swap(thinned);
}

const InputPlace* ResumePoints::first_from(uint64_t frontier) {
  while (!points_.empty() && points_.front().time < frontier) points_.pop_front();
  return points_.empty() ? nullptr : &points_.front().place;
}

}  // namespace tidemark::tools
