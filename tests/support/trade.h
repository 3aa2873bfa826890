// Records of `trade.fbs`, made for tests.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "trade_bfbs_generated.h"
#include "trade_generated.h"

namespace tidemark::test {

inline std::vector<std::byte> finished(flatbuffers::FlatBufferBuilder& builder,
                                       flatbuffers::Offset<shop::Trade> root) {
  builder.Finish(root);
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

inline std::span<const std::byte> trade_schema() {
  return {reinterpret_cast<const std::byte*>(shop::TradeBinarySchema::data()),
          shop::TradeBinarySchema::size()};
}

// Little but its symbol.
inline std::vector<std::byte> small_trade(const std::string& symbol, uint64_t price) {
  flatbuffers::FlatBufferBuilder builder;
  const auto name = builder.CreateString(symbol);
  shop::TradeBuilder trade(builder);
  trade.add_symbol(name);
  trade.add_price(price);
  return finished(builder, trade.Finish());
}

// Every field but the deprecated one.
inline std::vector<std::byte> full_trade() {
  flatbuffers::FlatBufferBuilder builder;
  const shop::Place place(-4, 1.5);
  const int16_t stops[2] = {7, -8};
  const shop::Route route(place, stops, shop::Side::Buy);
  const auto note = shop::CreateNote(builder, builder.CreateString("a \"note\""));
  const auto code = shop::CreateCode(builder, 18446744073709551615U);
  const auto text = builder.CreateString("text");
  const auto symbol = builder.CreateString("TIDE");
  const auto tags = builder.CreateVectorOfStrings({"one", "two"});
  const auto levels = builder.CreateVector<uint64_t>({1, 2});
  const std::vector<shop::Place> two_places = {place, shop::Place(1, 0.0)};
  const auto places = builder.CreateVectorOfStructs(two_places);
  const std::vector<flatbuffers::Offset<shop::Note>> one_note = {note};
  const auto notes = builder.CreateVector(one_note);
  const auto member = builder.CreateStruct(place);
  const std::vector<flatbuffers::Offset<void>> members = {code.Union(), text.Union(),
                                                          member.Union(), note.Union()};
  const auto more = builder.CreateVector(members);
  const std::vector<uint8_t> kinds = {2, 4, 3, 1};
  const auto more_type = builder.CreateVector(kinds);
  const auto raw = builder.CreateVector<uint8_t>({0, 255});
  const auto sides = builder.CreateVector<uint8_t>({1, 0, 9});
  const auto parent_symbol = builder.CreateString("SEA");
  shop::TradeBuilder parent_builder(builder);
  parent_builder.add_symbol(parent_symbol);
  const auto parent = parent_builder.Finish();

  shop::TradeBuilder trade(builder);
  trade.add_price(12345678901234567890U);
  trade.add_amount(-1);
  trade.add_side(shop::Side::Buy);
  trade.add_symbol(symbol);
  trade.add_place(&place);
  trade.add_route(&route);
  trade.add_tags(tags);
  trade.add_levels(levels);
  trade.add_places(places);
  trade.add_notes(notes);
  trade.add_detail_type(shop::Detail::Code);
  trade.add_detail(code.Union());
  builder.AddOffset(shop::Trade::VT_MORE_TYPE, more_type);
  trade.add_more(more);
  trade.add_limit(0.25F);
  trade.add_rate(1e30F);
  trade.add_open(true);
  trade.add_raw(raw);
  trade.add_parent(parent);
  builder.AddOffset(shop::Trade::VT_SIDES, sides);
  trade.add_small(-128);
  trade.add_late(7);
  return finished(builder, trade.Finish());
}

}  // namespace tidemark::test
