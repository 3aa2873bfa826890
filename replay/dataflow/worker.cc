#include "tidemark/dataflow/worker.h"

#include <algorithm>

namespace tidemark::dataflow {

bool Worker::step() {
  for (const auto& activation : process_->signal(index_)->begin_step()) {
    for (const auto& dataflow : dataflows_) {
      if (dataflow->number() == activation.dataflow) dataflow->activate(activation.operator_index);
    }
  }
  for (const auto& dataflow : dataflows_) dataflow->step();
  std::erase_if(dataflows_, [](const auto& dataflow) { return dataflow->ended(); });
  return has_dataflows();
}

bool Worker::step_or_park(std::optional<std::chrono::nanoseconds> limit) {
  if (!has_work() && !(limit && limit->count() <= 0)) {
    std::optional<SteadyClock::time_point> deadline;
    if (limit) deadline = SteadyClock::now() + *limit;
    for (const auto& dataflow : dataflows_) {
      const auto timer = dataflow->next_timer();
      if (timer && (!deadline || *timer < *deadline)) deadline = timer;
    }
    process_->signal(index_)->wait(deadline);
  }
  return step();
}

bool Worker::has_work() const {
  return std::any_of(dataflows_.begin(), dataflows_.end(),
                     [](const auto& dataflow) { return dataflow->has_work(); });
}

}  // namespace tidemark::dataflow
