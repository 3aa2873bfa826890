// How the table of `trade.fbs` plugs in: all that an application writes for its own.

#pragma once

#include "support/trade.h"
#include "tidemark/table_records.h"

template <>
struct tidemark::TableTraits<shop::Trade> {
  static std::string name() { return "shop.Trade"; }
  static std::span<const std::byte> schema() { return test::trade_schema(); }
  static bool verify(const uint8_t* bytes, size_t size) {
    flatbuffers::Verifier verifier(bytes, size);
    return shop::VerifyTradeBuffer(verifier);
  }
};
