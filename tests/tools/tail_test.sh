# tail shows the last records; with -f each new one as soon as it is committed, also from a writer that takes the
# place of one that was killed, and ends by itself when the streams are finished.
source "$(dirname "$0")/common.sh"

start_capture() {
  tidemark capture live.tide - --linger 1 "$@" < input 2>> capture.err &
  capture=$!
  background+=("$capture")
  exec 3> input
}

mkfifo input
start_capture
echo one >&3
until_true 10 test -d live.tide/streams/00000
has_one() { [[ "$(tidemark tail live.tide)" == one ]]; }
until_true 10 has_one
tidemark tail live.tide -f > seen 2> tail.err 3>&- &
tail=$!
background+=("$tail")
until_true 10 has_lines seen 1
shown=1
for word in two three four; do
  echo "$word" >&3
  until_true 10 has_lines seen $(( ++shown ))
done
[[ "$(tr '\n' ' ' < seen)" == "one two three four " ]] || fail "live records: $(cat seen)"

kill -9 "$capture"
wait "$capture" 2> /dev/null || true
exec 3>&-
start_capture
echo five >&3
until_true 10 has_lines seen 5
kill -9 "$capture"
wait "$capture" 2> /dev/null || true
exec 3>&-
start_capture
printf 'six\nseven' >&3
exec 3>&-
wait "$capture" || { cat capture.err >&2; fail "the last capture failed"; }
code=0
wait "$tail" || code=$?
(( code == 0 )) || { cat tail.err >&2; fail "tail ended with $code"; }
[[ "$(tr '\n' ' ' < seen)" == "one two three four five six seven " ]] || fail "after two kills: $(cat seen)"

[[ "$(tidemark tail live.tide -n 2 | tr '\n' ' ')" == "six seven " ]] || fail "the last two"
[[ "$(tidemark tail live.tide -n 0)" == "" ]] || fail "the last none"
[[ "$(tidemark tail live.tide -n 100 | wc -l)" == 7 ]] || fail "more than there are"
[[ "$(tidemark tail live.tide -n 0 -f)" == "" ]] || fail "a finished log has nothing new"

# Of several streams and segments: the last of the capture, over all of them.
expect 0 tidemark capture many.tide "$demo" --workers 3 --time commit_time --segment-size 64KiB --batch 1
for count in 1 10 333 1499 1500 5000; do
  tidemark tail many.tide -n "$count" | sort | cmp - <(tail -n "$count" "$demo" | sort) || fail "the last $count of three streams"
done
tidemark tail many.tide --streams 1 | cmp - <(tidemark replay many.tide --streams 1 | tail -n 10) || fail "one stream's last"

# An interrupt ends it; so does a reader that goes away, without a word.
printf 'x\n' | expect 0 tidemark capture open.tide --leave-open
tidemark tail open.tide -f > interrupted 2> tail.err &
tail=$!
background+=("$tail")
until_true 10 has_lines interrupted 1
kill -INT "$tail"
code=0
wait "$tail" || code=$?
(( code == 130 )) || fail "exit code $code after an interrupt"
timeout 20 bash -c 'tidemark tail open.tide -f | head -1' | cmp - <(echo x) || fail "tail went on without a reader"
