// write_trades LOG [BAD]: a stream of FlatBuffers tables with their schema; with BAD, one of them
// is no such table.

#include <cstdio>
#include <string_view>

#include "support/trade_records.h"
#include "tidemark/log_writer.h"

using namespace tidemark;

namespace {

using Trades = TableRecords<shop::Trade>;

Result<void> write(const std::string& path, bool bad) {
  TIDEMARK_ASSIGN(log, Log::open(path));
  TIDEMARK_ASSIGN(writer, (open_writer<uint64_t, Trades>(log, 0)));
  Trades trades;
  trades.add(test::small_trade("TIDE", 10));
  if (bad) trades.add(std::as_bytes(std::span("rubbish", 7)));
  trades.add(test::full_trade());
  TIDEMARK_TRY(writer.push(Messages<uint64_t, Trades>{3, trades}));
  TIDEMARK_TRY(writer.push(Progress<uint64_t>{{{0, -1}}}));
  return writer.finish();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const auto written = write(arguments[1], count > 2);
  if (!written) std::fprintf(stderr, "%s\n", written.error().text().c_str());
  return written ? 0 : 1;
}
