// Files whose clock and randomness are counters: what is written with them is the same each time.

#pragma once

#include "support/forwarding_files.h"

namespace tidemark::test {

// The clock moves by a millisecond each time that somebody looks, and randomness counts.
class CountingFiles final : public ForwardingFiles {
 public:
  uint64_t now_ns() override { return now_ns_ += 1'000'000; }
  uint64_t coarse_now_ns() override { return now_ns(); }
  int random(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(++random_);
    return 0;
  }

 private:
  uint64_t now_ns_ = 1'700'000'000'000'000'000;
  unsigned random_ = 0;
};

}  // namespace tidemark::test
