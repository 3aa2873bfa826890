# `replay --workers M` gives what a replay without workers gives, on any number of them.
source "$(dirname "$0")/common.sh"
export LC_ALL=C

demo="$TIDEMARK_TEST_DATA/demo.ndjson"
of_stream() { grep "^{\"stream\":$1," "$2" || true; }

expect 0 tidemark capture log.tide "$demo" --time author_time --lateness 86400 --workers 3 --segment-size 64KiB
expect 0 tidemark capture open.tide "$demo" --time author_time --lateness 8640000 --workers 3 --leave-open
for workers in 1 2 3 8; do
  for log in log open; do
    # In time order there is one order, whoever reads.
    for how in "--order time" "--order time --delivery complete" "--order time --from 1550000000 --until 1555000000" \
               "--around 1550000000" "--order time --end hold" "--streams 2,0 --order time"; do
      # shellcheck disable=SC2086  # several options
      expect 0 tidemark replay "$log.tide" $how --format ndjson -o alone
      # shellcheck disable=SC2086
      expect 0 tidemark replay "$log.tide" $how --format ndjson -o shared --workers "$workers"
      [[ -s shared ]] || fail "nothing: $log $how"
      same alone shared "$workers workers: $log $how"
    done
    # In stream order each stream has its own.
    expect 0 tidemark replay "$log.tide" --format ndjson -o alone
    expect 0 tidemark replay "$log.tide" --format ndjson -o shared --workers "$workers"
    for stream in 0 1 2; do
      of_stream "$stream" alone > alone.one
      of_stream "$stream" shared > shared.one
      same alone.one shared.one "$workers workers: $log, stream $stream"
    done
    # Complete delivery leaves out what a stream held where it ended.
    expect 0 tidemark replay "$log.tide" --delivery complete --format ndjson -o alone
    expect 0 tidemark replay "$log.tide" --delivery complete --format ndjson -o shared --workers "$workers"
    same <(sort alone) <(sort shared) "$workers workers: $log, complete"
  done
done
(( $(wc -l < shared) < $(wc -l < "$demo") )) || fail "an open log is complete"
expect 2 tidemark replay log.tide --workers 0
expect 2 tidemark replay log.tide --workers many

# Damage comes after what precedes it, and the other streams come whole.
expect 0 tidemark capture damaged.tide "$demo" --time author_time --workers 3
victim="$(ls damaged.tide/streams/00001/*.seg | head -n 1)"
flip "$victim" 60000
expect 3 tidemark replay damaged.tide --streams 1 --format ndjson -o alone
[[ -s alone ]] || fail "nothing before the damage"
expect 3 tidemark replay damaged.tide --workers 2 --format ndjson -o shared
says "stream 1"
same alone <(of_stream 1 shared) "what precedes the damage"
for stream in 0 2; do
  expect 0 tidemark replay damaged.tide --streams "$stream" --format ndjson -o alone
  same alone <(of_stream "$stream" shared) "a stream beside a damaged one"
done
expect 3 tidemark replay damaged.tide --order time -o alone
expect 3 tidemark replay damaged.tide --order time -o shared --workers 2
same alone shared "what the frontier had passed before the damage"

# A live log, to its end; what was written is seen at once.
mkfifo input
tidemark capture live.tide --workers 2 --linger 1 - < input 2> /dev/null &
capture=$!
background=("$capture")
exec 3> input
printf '1\n2\n' >&3
two_are_there() { [[ "$(tidemark replay live.tide | wc -l)" == 2 ]]; }
until_true 10 two_are_there
tidemark replay live.tide --follow --workers 2 > followed 2> follow.err 3>&- &
follow=$!
background+=("$follow")
until_true 10 has_lines followed 2
printf '3\n4\n' >&3
until_true 10 has_lines followed 4
exec 3>&-
wait "$capture"
wait "$follow" || fail "following: $(cat follow.err)"
[[ "$(sort followed | tr '\n' ' ')" == "1 2 3 4 " ]] || fail "followed: $(cat followed)"

# Whoever reads may have seen enough; an interrupt stops it.
tidemark replay log.tide --workers 2 | head -n 1 > one || fail "a reader that goes away"
has_lines one 1 || fail "one line"
seq 3 | expect 0 tidemark capture waiting.tide --leave-open
tidemark replay waiting.tide --end wait --workers 2 > waited &
waiting=$!
background=("$waiting")
until_true 10 has_lines waited 3
kill -INT "$waiting"
code=0
wait "$waiting" || code=$?
(( code == 130 )) || fail "an interrupt: exit code $code"
