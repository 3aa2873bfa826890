#include "tidemark/table_records.h"

#include "support/catch.h"
#include "support/stream_helpers.h"
#include "support/temporary_directory.h"
#include "support/trade_records.h"
#include "tidemark/log_reader.h"
#include "tidemark/log_writer.h"
#include "tidemark/record_schema.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

using Trades = TableRecords<shop::Trade>;

static_assert(Encodable<Trades> && HasSchema<Trades>);
static_assert(!HasSchema<std::vector<std::string>>);

WriterOptions unsynced() {
  WriterOptions options;
  options.sync = SyncPolicy::none();
  return options;
}

}  // namespace

TEST_CASE("tables come back as they were, aligned as their accessors need it") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  Trades trades;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(shop::CreateTradeDirect(builder, 7, 1, shop::Side::Buy, "A"));
  trades.add(builder);
  trades.add(small_trade("BC", 8));
  trades.add(full_trade());
  {
    auto writer = must(open_writer<uint64_t, Trades>(log, 0, unsynced()));
    must(writer.push(Messages<uint64_t, Trades>{1, trades}));
    must(writer.finish());
  }
  auto reader = must(open_reader<uint64_t, Trades>(log, 0));
  REQUIRE(must(reader.poll()) == Polled::Event);
  const Trades read = reader.take().messages()->data;
  CHECK(read == trades);
  REQUIRE(read.size() == 3);
  std::string symbols;
  for (const shop::Trade* trade : read) symbols += trade->symbol()->str() + ' ';
  CHECK(symbols == "A BC TIDE ");
  CHECK(read[0]->price() == 7);
  CHECK(read[2]->place()->y() == 1.5);
  for (size_t i = 0; i < read.size(); ++i) {
    CHECK(reinterpret_cast<uintptr_t>(read.record(i).data()) % 16 == 0);
  }

  const auto& traits = reader.reader().traits();
  CHECK(traits->container_name == "shop.Trade");
  REQUIRE(traits->schema != nullptr);
  CHECK(must(RecordSchema::parse(*traits->schema)).root_name() == "shop.Trade");
}

TEST_CASE("a record that is no such table is corrupt") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  const std::string bad = GENERATE("", "abc", "rubbish and more of it");
  {
    EventWriter writer = must(log.writer(0, writer_options_for<uint64_t, Trades>(unsynced())));
    append_text(writer, 1, bad);
    must(writer.close());
  }
  auto reader = must(open_reader<uint64_t, Trades>(log, 0));
  const auto polled = reader.poll();
  REQUIRE(!polled);
  CHECK(polled.error().code == ErrorCode::Corrupt);
  CHECK(polled.error().message.find("shop.Trade") != std::string::npos);
}

TEST_CASE("a stream with another schema is not appended to") {
  const TemporaryDirectory directory;
  const Log log = must(Log::open(directory / "log"));
  auto options = writer_options_for<uint64_t, Trades>(unsynced());
  options.schema.clear();
  must(must(log.writer(0, options)).close());
  CHECK(open_writer<uint64_t, Trades>(log, 0, unsynced()).error().code ==
        ErrorCode::InvalidArgument);
}
