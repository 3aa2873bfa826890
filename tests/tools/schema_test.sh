# A stream that carries its records' schema: printed, verified and salvaged without their code.
source "$(dirname "$0")/common.sh"

expect 0 "$TIDEMARK_WRITE_TRADES" log.tide

small='{"price":"10","amount":3,"side":"Sell","symbol":"TIDE","detail_type":"NONE","rate":0.5,"open":false,"small":0,"late":4000000000}'
expect 0 tidemark cat log.tide
[[ ! -s err ]] || fail "cat complains: $(cat err)"
grep --quiet --fixed-strings "\"kind\":\"messages\",\"time\":\"3\",\"records\":[$small,{\"price\":\"12345678901234567890\"," out \
  || fail "cat prints: $(cat out)"
grep --quiet '"kind":"progress","changes":\[\["0",-1\]\]}$' out || fail "cat prints no progress: $(cat out)"
cp out cat.ndjson

expect 0 tidemark info log.tide
grep --quiet 'stream 0: .*shop\.Trade' out || fail "info does not name the table: $(cat out)"
expect 0 tidemark info log.tide --format json
grep --quiet '"schema": *"shop\.Trade"' out || fail "info --format json does not name the table: $(cat out)"

expect 0 tidemark verify log.tide
expect 0 tidemark recover log.tide -o saved.tide
expect 0 tidemark cat saved.tide
same out cat.ndjson "a salvaged log prints otherwise"
expect 0 tidemark verify saved.tide

# A segment explains itself: the schema is in it.
segment=log.tide/streams/00000/00000000000000000000.seg
at="$(grep --byte-offset --only-matching --text --max-count=1 BFBS "$segment" | head -1 | cut -d: -f1)"
flip "$segment" "$at"
expect 3 tidemark verify log.tide
expect 3 tidemark cat log.tide
flip "$segment" "$at"
expect 0 tidemark verify log.tide

# A record that is no such table is printed as it stands, and does no harm to the others.
expect 0 "$TIDEMARK_WRITE_TRADES" bad.tide bad
expect 0 tidemark cat bad.tide
says "records that do not match its schema"
grep --quiet --fixed-strings "\"records\":[$small,\"rubbish\",{" out || fail "cat prints: $(cat out)"

# Lines of text cannot follow.
expect 0 "$TIDEMARK_WRITE_TRADES" other.tide
expect 2 tidemark capture other.tide "$demo" --time author_time
