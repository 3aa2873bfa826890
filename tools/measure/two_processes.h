// A second process for measurements: a child that shares some memory with its parent.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "clock.h"
#include "tidemark/result.h"

namespace tidemark::measure {

// Anonymous memory that children made afterwards share. `T` needs no destructor.
template <typename T>
class Shared {
 public:
  // `extra` bytes behind the object, zero at first.
  static Result<Shared> create(uint64_t extra = 0);
  T* operator->() const { return object_.get(); }
  T& operator*() const { return *object_; }
  std::byte* extra() const { return reinterpret_cast<std::byte*>(object_.get() + 1); }

 private:
  struct Unmap {
    uint64_t bytes = 0;
    void operator()(T* object) const;
  };
  explicit Shared(std::unique_ptr<T, Unmap> object) : object_(std::move(object)) {}
  std::unique_ptr<T, Unmap> object_;
};

Result<std::byte*> map_shared(uint64_t bytes);
void unmap_shared(std::byte* memory, uint64_t bytes);

template <typename T>
Result<Shared<T>> Shared<T>::create(uint64_t extra) {
  const uint64_t bytes = sizeof(T) + extra;
  TIDEMARK_ASSIGN(memory, map_shared(bytes));
  return Shared(std::unique_ptr<T, Unmap>(new (memory) T(), Unmap{bytes}));
}
template <typename T>
void Shared<T>::Unmap::operator()(T* object) const {
  unmap_shared(reinterpret_cast<std::byte*>(object), bytes);
}

// Killed where it has not ended when its owner goes.
class ChildProcess {
 public:
  // `body` runs in the child; its error is what finish() returns. Errors: Io.
  static Result<ChildProcess> start(const std::function<Result<void>()>& body);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  // Waits until it ends. Errors: Io with the child's own words; also when `seconds` passed.
  Result<void> finish(double seconds);
  // Waits for a child that kills itself.
  Result<void> await_kill();
  // Ends it without a chance to say a word.
  void kill();

 private:
  struct Words {
    char text[1000];
  };
  ChildProcess(pid_t process, Shared<Words> words) : process_(process), words_(std::move(words)) {}
  pid_t process_;
  Shared<Words> words_;
};

// Keeps two processes out of each other's way: the child on the last processor that may be used,
// the calling thread of the parent, for the object's life, on the others. Other threads go where
// the system puts them. With one processor it does nothing.
class ApartFromChild {
 public:
  ApartFromChild();
  ApartFromChild(const ApartFromChild&) = delete;
  ApartFromChild& operator=(const ApartFromChild&) = delete;
  ~ApartFromChild();

 private:
  cpu_set_t before_{};
};
void stay_apart_from_parent();

// Spins until `done()`; false after 10 seconds, when whoever should make it true has failed.
template <typename Done>
bool spin_until(Done done) {
  const uint64_t begin = ticks();
  const uint64_t limit = ticks_of(std::chrono::seconds(10));
  for (uint32_t i = 1; !done(); ++i) {
    pause_briefly();
    if (i % 4096 == 0 && ticks() - begin > limit) return false;
  }
  return true;
}

}  // namespace tidemark::measure
