#include "control_page.h"

#include <cerrno>
#include <chrono>

#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace tidemark;
using namespace tidemark::test;
using namespace std::chrono_literals;

TEST_CASE("a reader that was to be woken is not put to sleep by another one's wish to sleep") {
  const TemporaryDirectory directory;
  FileSeam& files = system_files();
  auto writer = ControlPage::open_for_writing(files, directory.path());
  REQUIRE(writer);
  auto first = ControlPage::open_for_reading(files, directory.path());
  auto second = ControlPage::open_for_reading(files, directory.path());
  REQUIRE(first);
  REQUIRE(second);

  // It sees nothing new, and is about to sleep. The writer commits, and looks who sleeps; then
  // another reader comes, which will see the commit.
  const auto about_to_sleep = first->arm();
  REQUIRE(about_to_sleep);
  writer->wake_sleepers();
  REQUIRE(second->arm());
  CHECK(files.futex_wait(std::span(&*about_to_sleep, 1), 10s) == -EAGAIN);
}

TEST_CASE("a wake that nobody waits for does not keep the next reader from sleeping") {
  const TemporaryDirectory directory;
  FileSeam& files = system_files();
  auto writer = ControlPage::open_for_writing(files, directory.path());
  auto reader = ControlPage::open_for_reading(files, directory.path());
  REQUIRE(writer);
  REQUIRE(reader);
  writer->wake_sleepers();
  const auto armed = reader->arm();
  REQUIRE(armed);
  CHECK(files.futex_wait(std::span(&*armed, 1), 1ms) == -ETIMEDOUT);
  const auto again = reader->arm();
  CHECK(again->expected == armed->expected);
}
