# Whatever the number of streams and the kind of time, exactly the captured lines come back: as a multiset,
# with one stream in stream order byte for byte, in time order never behind a frontier. And the times do not
# depend on workers, batch or linger.
source "$(dirname "$0")/common.sh"
export LC_ALL=C

# The event time that a record gets by the law of the frontier, then the record.
expected_times() {
  local field="$1"
  shift
  cat "$@" | sed -E "s/^(.*\"$field\":([0-9]+).*)\$/\\2 \\1/" \
    | awk '{ t = $1 + 0; if (t < max) t = max; max = t; printf "%.0f %s\n", t, $2 }'
}

# The same from a log, in time order.
captured_times() {
  tidemark replay "$1" --order time --format ndjson \
    | sed -E 's/^.*"time":"([0-9]+)","captured_at":"[0-9]+","record":"(.*)"\}$/\1 \2/; s/\\"/"/g'
}

# Events of each stream in order as "stream M time" and "stream P time"; P without time is the empty frontier.
events() {
  tidemark cat "$1" | sed -E \
    -e 's/^\{"stream":([0-9]+),.*"kind":"messages","time":"([0-9]+)".*/\1 M \2/' \
    -e 's/^\{"stream":([0-9]+),.*"kind":"progress","changes":.*\["([0-9]+)",1\]\]\}$/\1 P \2/' \
    -e 's/^\{"stream":([0-9]+),.*"kind":"progress".*/\1 P/'
}

# check_round_trip NAME TIMES FILE...
check_round_trip() {
  local name="$1" times="$2" workers time log
  shift 2
  cat "$@" > input
  sort input > input.sorted
  for time in $times; do
    expected_times "$time" "$@" | sort > expected
    for workers in 1 3 8; do
      log="$name.$time.$workers.tide"
      expect 0 tidemark capture "$log" "$@" --time "$time" --workers "$workers" --segment-size 1MiB
      tidemark replay "$log" > replayed
      (( workers > 1 )) || same input replayed "$log: stream order is not the input"
      sort replayed | cmp - input.sorted || fail "$log: other records than were captured"
      tidemark replay "$log" --order time | sort | cmp - input.sorted || fail "$log: other records in time order"
      captured_times "$log" > timed
      cut -d' ' -f1 timed | sort -n -c || fail "$log: a record behind the frontier"
      sort timed | cmp - expected || fail "$log: other times than the law of the frontier gives"
      events "$log" | awk '$2 == "M" && $3 + 0 < frontier[$1] + 0 { print; exit 1 } $2 == "P" { frontier[$1] = $3 }' \
        || fail "$log: a message behind its stream's own progress"
      expect 0 tidemark verify "$log"
      rm -r "$log"
    done
  done
}

check_round_trip demo "author_time commit_time" "$demo"
data="$(full_data)"
if [[ -n "$data" ]]; then
  for file in aeron kafka leveldb; do check_round_trip "$file" author_time "$data/$file.ndjson"; done
  check_round_trip all author_time "$data"/{aeron,kafka,leveldb}.ndjson
  cat "$data"/*.ndjson | sort -t: -k2 -s > interleaved.ndjson
  check_round_trip interleaved author_time interleaved.ndjson
fi

# The settings of batching change nothing but the batches.
expected_times author_time "$demo" | sort > expected
for settings in "--batch 1" "--batch 1000 --linger 1000" "--batch 7 --linger 0 --sync none" "--key author --workers 5"; do
  # shellcheck disable=SC2086  # several options
  expect 0 tidemark capture settings.tide $settings --time author_time "$demo"
  captured_times settings.tide | sort | cmp - expected || fail "$settings: other times"
  # By a slow pipe, where linger decides.
  # shellcheck disable=SC2086
  { head -700 "$demo"; sleep 0.05; tail -n +701 "$demo"; } | tidemark capture slow.tide $settings --time author_time 2> err
  captured_times slow.tide | sort | cmp - expected || fail "$settings: other times by a slow pipe"
  rm -r settings.tide slow.tide
done

# Arrival time: lines are any bytes, and the last one needs no newline.
head -c 300000 /dev/urandom > bytes
printf '\0\n\n\r\nlast' >> bytes
expect 0 tidemark capture bytes.tide bytes
{ cat bytes; echo; } > expected.bytes
tidemark replay bytes.tide | cmp - expected.bytes || fail "other bytes than were captured"
expect 0 tidemark capture bytes3.tide --workers 3 - < bytes
# sort has no fixed idea of lines with NUL unless they end otherwise, so count bytes and lines instead.
[[ "$(tidemark replay bytes3.tide | wc -lc | xargs)" == "$(wc -lc < expected.bytes | xargs)" ]] || fail "other bytes over three streams"
expect 0 tidemark verify bytes3.tide
