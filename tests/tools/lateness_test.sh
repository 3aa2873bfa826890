# Event time: what is late and what becomes of it, formats of times, partition by key.
source "$(dirname "$0")/common.sh"

lines() { printf '{"t":%s}\n' "$@"; }
# The times in stream order, on one line.
times() {
  tidemark replay "$1" --format ndjson | sed -E 's/^.*"time":"([0-9]+)".*/\1/' | tr '\n' ' '
}
# check TIMES OPTION...: captures standard input.
check() {
  local wanted="$1"
  shift
  rm -rf check.tide
  expect 0 tidemark capture check.tide --time t "$@"
  [[ "$(times check.tide)" == "$wanted " ]] || fail "$*: $(times check.tide)instead of $wanted"
}

lines 5 9 6 8 20 1 | check "5 9 9 9 20 20"
says "3 late, moved to the frontier"
lines 5 9 6 8 20 1 | check "5 9 7 8 20 18" --lateness 2
says "2 late"
lines 5 9 6 8 20 1 | check "5 9 6 8 20 1" --lateness 100
lines 5 9 6 8 20 1 | check "5 9 20" --late drop
says "3 late, dropped" "captured 3 records"
lines 18446744073709551615 1 | check "18446744073709551615 18446744073709551615"
lines 0 0 | check "0 0"
printf '{"t":"7"}\n{"t":"18446744073709551614"}\n' | check "7 18446744073709551614"
printf '{"t":1.75}\n{"t":2}\n' | check "1 2" --time-format s
printf '{"t":"2019-01-14T13:04:26.5+01:00"}\n' | check "1547467466500000000" --time-format rfc3339

# A later capture starts at the greatest frontier that the streams were left with.
lines 10 20 30 | expect 0 tidemark capture again.tide --time t --workers 2 --leave-open --lateness 5
lines 7 26 | expect 0 tidemark capture again.tide --time t --lateness 5
says "1 late"
tidemark replay again.tide --format ndjson | sed -E 's/^.*"time":"([0-9]+)".*/\1/' | sort -n | tr '\n' ' ' > out
[[ "$(cat out)" == "10 20 25 26 30 " ]] || fail "a later capture: $(cat out)"

# Records of one key are in one stream, whatever its type.
printf '{"k":"%s","n":%d}\n' a 1 b 2 a 3 c 4 b 5 a 6 > keyed.ndjson
expect 0 tidemark capture keyed.tide --key k --workers 4 keyed.ndjson
for key in a b c; do
  found="$(tidemark replay keyed.tide --format ndjson | grep "\\\\\"$key\\\\\"" | grep -o '"stream":[0-9]*' | sort -u | wc -l)"
  (( found == 1 )) || fail "records of key $key are in $found streams"
done
printf '{"k":7}\n{"k":"7"}\n' | expect 0 tidemark capture types.tide --key k --workers 100
[[ "$(tidemark replay types.tide --format ndjson | grep -o '"stream":[0-9]*' | sort -u | wc -l)" == 1 ]] || fail "7 and \"7\" are one key"

# Round robin by default.
seq 9 | expect 0 tidemark capture robin.tide --workers 3
[[ "$(tidemark replay robin.tide --streams 1 | tr '\n' ' ')" == "2 5 8 " ]] || fail "round robin"

# A slow pipe: a record does not wait longer than the linger, however large the batch.
mkfifo input
tidemark capture slow.tide --batch 1000 --linger 20 - < input 2> /dev/null &
background=("$!")
exec 3> input
echo one >&3
replayed_one() { [[ "$(tidemark replay slow.tide)" == one ]]; }
until_true 10 replayed_one
exec 3>&-
wait "${background[0]}"
background=()
