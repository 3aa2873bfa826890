// Records judged and printed by the schema stored with them. Sanitizers are what makes the hostile
// ones sharp.

#include "tidemark/record_schema.h"

#include <random>

#include <flatbuffers/reflection_generated.h>

#include "support/catch.h"
#include "support/seed.h"
#include "support/trade.h"

using namespace tidemark;
using namespace tidemark::test;

namespace {

using Bytes = std::vector<std::byte>;

RecordSchema trade_of_schema() {
  auto schema = RecordSchema::parse(trade_schema());
  REQUIRE(schema.has_value());
  return *std::move(schema);
}

std::string json_of(const RecordSchema& schema, std::span<const std::byte> record) {
  std::string json;
  const auto printed = schema.append_json(json, record);
  if (!printed) FAIL(printed.error().text());
  CHECK(schema.verify(record));
  return json;
}

// The message of the error, which leaves the text as it was.
std::string error_of(const RecordSchema& schema, std::span<const std::byte> record) {
  std::string json = "before";
  const auto printed = schema.append_json(json, record);
  CHECK(json == "before");
  REQUIRE(!printed);
  CHECK(schema.verify(record).error().message == printed.error().message);
  return printed.error().text();
}

}  // namespace

TEST_CASE("a schema names its root table") {
  CHECK(trade_of_schema().root_name() == "shop.Trade");
  CHECK(schema_hash_of(trade_schema()) ==
        schema_hash_of(Bytes(trade_schema().begin(), trade_schema().end())));
}

TEST_CASE("a record of every kind of field is one JSON object") {
  CHECK(
      json_of(trade_of_schema(), full_trade()) ==
      R"({"price":"12345678901234567890","amount":-1,"side":"Buy","symbol":"TIDE",)"
      R"("place":{"x":-4,"y":1.5},)"
      R"("route":{"from":{"x":-4,"y":1.5},"stops":[7,-8],"side":"Buy"},)"
      R"("tags":["one","two"],"levels":["1","2"],)"
      R"("places":[{"x":-4,"y":1.5},{"x":1,"y":0}],"notes":[{"text":"a \"note\""}],)"
      R"("detail_type":"Code","detail":{"value":"18446744073709551615"},)"
      R"("more_type":["Code","Text","Place","Note"],)"
      R"("more":[{"value":"18446744073709551615"},"text",{"x":-4,"y":1.5},{"text":"a \"note\""}],)"
      R"("limit":0.25,"rate":1e+30,"open":true,"raw":[0,255],)"
      R"("parent":{"price":"0","amount":3,"side":"Sell","symbol":"SEA","detail_type":"NONE",)"
      R"("rate":0.5,"open":false,"small":0,"late":4000000000},)"
      R"("sides":["Sell","Buy",9],"small":-128,"late":7})");
}

TEST_CASE("absent scalars have their defaults, other absent fields are left out") {
  CHECK(json_of(trade_of_schema(), small_trade("X", 0)) ==
        R"({"price":"0","amount":3,"side":"Sell","symbol":"X","detail_type":"NONE","rate":0.5,)"
        R"("open":false,"small":0,"late":4000000000})");
}

TEST_CASE("a record that stands anywhere in memory is read") {
  const Bytes record = full_trade();
  const RecordSchema schema = trade_of_schema();
  const std::string expected = json_of(schema, record);
  for (size_t shift = 1; shift < 8; ++shift) {
    Bytes moved(shift);
    moved.insert(moved.end(), record.begin(), record.end());
    CHECK(json_of(schema, std::span(moved).subspan(shift)) == expected);
  }
}

TEST_CASE("numbers that JSON has not are texts") {
  flatbuffers::FlatBufferBuilder builder;
  const auto symbol = builder.CreateString("X");
  shop::TradeBuilder trade(builder);
  trade.add_symbol(symbol);
  const shop::Place place(0, -std::numeric_limits<double>::infinity());
  trade.add_place(&place);
  trade.add_rate(std::numeric_limits<float>::quiet_NaN());
  const std::string json = json_of(trade_of_schema(), finished(builder, trade.Finish()));
  CHECK(json.find(R"("y":"-inf")") != std::string::npos);
  CHECK(json.find(R"("rate":"nan")") != std::string::npos);
}

TEST_CASE("a union without its type, or of a type to come, is left out") {
  const RecordSchema schema = trade_of_schema();
  const auto with_type = [](uint8_t type) {
    flatbuffers::FlatBufferBuilder builder;
    const auto code = shop::CreateCode(builder, 5);
    const auto symbol = builder.CreateString("X");
    shop::TradeBuilder trade(builder);
    trade.add_symbol(symbol);
    if (type != 0) trade.add_detail_type(static_cast<shop::Detail>(type));
    trade.add_detail(code.Union());
    return finished(builder, trade.Finish());
  };
  CHECK(json_of(schema, with_type(0)).find("\"detail\":") == std::string::npos);
  CHECK(json_of(schema, with_type(9)).find("\"detail\":") == std::string::npos);
  CHECK(json_of(schema, with_type(2)).find(R"("detail":{"value":"5"})") != std::string::npos);
}

TEST_CASE("a record that lacks a required field, or is cut short, is none") {
  const RecordSchema schema = trade_of_schema();
  flatbuffers::FlatBufferBuilder builder;
  shop::NoteBuilder note(builder);  // a table without fields: no symbol
  builder.Finish(note.Finish());
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  CHECK(error_of(schema, {bytes, builder.GetSize()}).find("required") != std::string::npos);

  const Bytes record = full_trade();
  for (size_t size = 0; size < record.size(); size += 3) {
    std::string json;
    const auto printed = schema.append_json(json, std::span(record).first(size));
    if (!printed) CHECK(printed.error().code == ErrorCode::Corrupt);
  }
  CHECK(error_of(schema, std::span(record).first(3)).find("ends before") != std::string::npos);
}

TEST_CASE("a text that is not UTF-8 is an error") {
  CHECK(error_of(trade_of_schema(), small_trade("\xff", 1)).find("UTF-8") != std::string::npos);
}

TEST_CASE("nesting has a bound") {
  const auto nested = [](size_t depth) {
    flatbuffers::FlatBufferBuilder builder;
    flatbuffers::Offset<shop::Trade> trade;
    for (size_t i = 0; i < depth; ++i) {
      const auto symbol = builder.CreateString("X");
      shop::TradeBuilder next(builder);
      next.add_symbol(symbol);
      if (i > 0) next.add_parent(trade);
      trade = next.Finish();
    }
    return finished(builder, trade);
  };
  const RecordSchema schema = trade_of_schema();
  CHECK(schema.verify(nested(RecordSchema::kMaxDepth)));
  CHECK(schema.verify(nested(RecordSchema::kMaxDepth + 1)).error().code == ErrorCode::TooLarge);
}

TEST_CASE("a small record whose tables are shared does not become endless text") {
  // Each level holds the one below 64 times: 64^5 notes.
  flatbuffers::FlatBufferBuilder schema_builder;
  using namespace reflection;
  const auto type = CreateType(schema_builder, BaseType::Vector, BaseType::Obj, 0);
  const auto name = schema_builder.CreateString("next");
  const auto field = CreateField(schema_builder, name, type, 0, 4);
  const std::vector<flatbuffers::Offset<Field>> one_field = {field};
  const auto fields = schema_builder.CreateVector(one_field);
  const auto object = CreateObject(schema_builder, schema_builder.CreateString("N"), fields);
  const std::vector<flatbuffers::Offset<Object>> one_object = {object};
  const auto objects = schema_builder.CreateVector(one_object);
  const std::vector<flatbuffers::Offset<Enum>> no_enum;
  const auto enums = schema_builder.CreateVector(no_enum);
  schema_builder.Finish(CreateSchema(schema_builder, objects, enums, 0, 0, object),
                        SchemaIdentifier());
  const auto schema = RecordSchema::parse(
      std::as_bytes(std::span(schema_builder.GetBufferPointer(), schema_builder.GetSize())));
  REQUIRE(schema.has_value());

  flatbuffers::FlatBufferBuilder builder;
  flatbuffers::Offset<flatbuffers::Table> level;
  for (int i = 0; i < 6; ++i) {
    flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<flatbuffers::Table>>> below;
    if (i > 0) {
      const std::vector<flatbuffers::Offset<flatbuffers::Table>> many(64, level);
      below = builder.CreateVector(many);
    }
    const auto start = builder.StartTable();
    if (i > 0) builder.AddOffset(4, below);
    level = flatbuffers::Offset<flatbuffers::Table>(builder.EndTable(start));
  }
  builder.Finish(level);
  const auto verified =
      schema->verify(std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize())));
  CHECK(verified.error().code == ErrorCode::TooLarge);
}

TEST_CASE("what is no schema is refused") {
  CHECK(RecordSchema::parse({}).error().code == ErrorCode::Corrupt);
  CHECK(RecordSchema::parse(full_trade()).error().code == ErrorCode::Corrupt);
  CHECK(RecordSchema::parse(Bytes(kMaxSchemaBytes + 1)).error().code == ErrorCode::TooLarge);
  CHECK(RecordSchema::parse(trade_schema().first(trade_schema().size() / 2)).error().code ==
        ErrorCode::Corrupt);
}

TEST_CASE("hostile: every flipped bit of a schema gives an error or something harmless") {
  const Bytes good(trade_schema().begin(), trade_schema().end());
  const Bytes record = full_trade();
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Bytes flipped = good;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto schema = RecordSchema::parse(flipped);
    if (schema) static_cast<void>(schema->verify(record));
  }
}

TEST_CASE("hostile: every flipped bit of a record gives an error or something harmless") {
  const RecordSchema schema = trade_of_schema();
  const Bytes good = full_trade();
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Bytes flipped = good;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    std::string json;
    static_cast<void>(schema.append_json(json, flipped));
  }
}

TEST_CASE("hostile: random changes of schema and record give an error or something harmless") {
  std::mt19937_64 random(seed_or(20260722));
  const Bytes good_schema(trade_schema().begin(), trade_schema().end());
  const Bytes good_record = full_trade();
  const auto change = [&](Bytes bytes) {
    for (uint64_t changes = 1 + random() % 8; changes > 0; --changes) {
      const size_t at = random() % bytes.size();
      // Small numbers are what indices, ids and offsets are made of.
      bytes[at] = static_cast<std::byte>(random() % 2 == 0 ? random() : random() % 24);
    }
    return bytes;
  };
  const int rounds = rounds_or(4000);
  int parsed = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto schema = RecordSchema::parse(change(good_schema));
    if (!schema) continue;
    ++parsed;
    std::string json;
    static_cast<void>(schema->append_json(json, good_record));
    static_cast<void>(schema->append_json(json, change(good_record)));
  }
  CHECK(parsed > 0);
}
