# Killed at any moment, a capture that acknowledges loses nothing that it acknowledged: all of it is there, in
# order and without a gap, the log is valid, and the next capture goes on with it.
source "$(dirname "$0")/common.sh"

seed="${TIDEMARK_SEED:-20190114}"
rounds="${TIDEMARK_KILLS:-20}"
echo "seed $seed, $rounds kills; repeat with: TIDEMARK_SEED=$seed TIDEMARK_KILLS=$rounds"
RANDOM="$seed"

# feed_and_kill LOG FROM OPTION...: captures lines that count up from FROM, and kills it after a moment, every other
# time not before something was acknowledged, however slow the machine. Leaves the greatest acknowledged number in
# `acknowledged`.
await=0
feed_and_kill() {
  local log="$1" from="$2" capture last
  shift 2
  : > acks
  { seq "$from" 9999999 2> /dev/null || true; } | tidemark capture "$log" --sync commit --ack "$@" > acks 2> err &
  capture=$!
  background=("$capture")
  await=$(( 1 - await ))
  (( await == 0 )) || until_true 60 has_lines acks 1
  sleep "$(printf '0.%03d' $(( RANDOM % 250 )))"
  kill -9 "$capture" || { cat err >&2; fail "capture ended by itself"; }
  wait "$capture" 2> /dev/null || true
  background=()
  last="$(tail -1 acks | tr -dc 0-9)"
  acknowledged=$(( from - 1 + ${last:-0} ))
}

check_log() {
  [[ -d "$1" ]] || { (( acknowledged == 0 )) || fail "no log, but $acknowledged records acknowledged"; return 1; }
  expect 0 tidemark verify "$1"
  expect 0 tidemark replay "$1"
}

captured=0
killed_within=0
for (( round = 1; round <= rounds; ++round )); do
  feed_and_kill one.tide $(( captured + 1 ))
  check_log one.tide || continue
  before="$captured"
  captured="$(wc -l < out)"
  seq "$captured" | cmp - out || fail "round $round: not the input in order and without a gap"
  (( captured >= acknowledged )) || fail "round $round: $acknowledged acknowledged, $captured there"
  (( captured == before )) || (( ++killed_within ))
done
seq $(( captured + 1 )) $(( captured + 500 )) | expect 0 tidemark capture one.tide
tidemark replay one.tide | cmp - <(seq $(( captured + 500 ))) || fail "the last capture did not append"
expect 0 tidemark verify one.tide
(( killed_within * 3 > rounds )) || fail "only $killed_within of $rounds captures got to write anything before they were killed"

# Over three streams the acknowledged records are there, each stream in order; what was read but not acknowledged
# may be missing, so the numbers of each round start anew.
: > must_be_there
from=1
for (( round = 1; round <= rounds / 2; ++round )); do
  acknowledged=0
  feed_and_kill three.tide "$from" --workers 3 --batch 20
  check_log three.tide || continue
  (( acknowledged < from )) || seq "$from" "$acknowledged" >> must_be_there
  sort -n out > there
  [[ -z "$(uniq -d there)" ]] || fail "round $round: a record twice"
  comm -23 <(sort must_be_there) <(sort there) > lost
  [[ ! -s lost ]] || fail "round $round: $(wc -l < lost) acknowledged records are lost"
  for stream in 0 1 2; do
    tidemark replay three.tide --streams "$stream" | sort -n -c || fail "round $round: stream $stream is out of order"
  done
  from=$(( $(tail -1 there) + 100 ))
done
expect 0 tidemark capture three.tide "$demo"
echo "$captured records captured in one stream, $(wc -l < must_be_there) acknowledged over three"
