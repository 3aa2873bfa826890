# A capture of files that is killed at any moment and resumed has each input record exactly once, at the time that an
# uninterrupted capture would have given it.
source "$(dirname "$0")/common.sh"

seed="${TIDEMARK_SEED:-20260118}"
rounds="${TIDEMARK_KILLS:-12}"
echo "seed $seed, $rounds kills; repeat with: TIDEMARK_SEED=$seed TIDEMARK_KILLS=$rounds"
RANDOM="$seed"

# The records with their times, in one order for all logs.
timed() { tidemark replay "$1" --format ndjson "${@:2}" | sed -E 's/^.*"time":"([0-9]+)".*"record":/\1 /' | sort; }

data="$(full_data)"
input="${data:+$data/aeron.ndjson}"
input="${input:-$demo}"
lateness=100000

# interrupted LOG OPTION...: captures until it is through, killing it again and again.
kills_within=0
interrupted() {
  local log="$1" capture code kills=0
  shift
  while true; do
    tidemark capture "$log" "$@" --resume > out 2> err &
    capture=$!
    background=("$capture")
    if (( kills < rounds )); then
      sleep "$(printf '0.%03d' $(( RANDOM % 250 )))"
      kill -9 "$capture" 2> /dev/null || true
      (( ++kills ))
    fi
    code=0
    wait "$capture" 2> /dev/null || code=$?
    background=()
    (( code != 137 )) || { (( ++kills_within )); continue; }
    (( code == 0 )) || { cat err >&2; fail "exit code $code of a resumed capture"; }
    (( kills < rounds )) || return 0
    # It was through before it was killed: what is there stays, and the next rounds have nothing to do.
    grep -q "nothing to resume" err && return 0
  done
}

for workers in 1 3; do
  # Slow enough to be killed on the way.
  options=(--sync commit --batch 16 "$input" --time author_time --lateness "$lateness" --workers "$workers" --segment-size 64KiB)
  expect 0 tidemark capture "whole$workers.tide" "${options[@]}"
  interrupted "killed$workers.tide" "${options[@]}"
  expect 0 tidemark verify "killed$workers.tide"
  timed "whole$workers.tide" > whole
  timed "killed$workers.tide" > eager
  same whole eager "$workers streams: a reader that is opened afterwards sees each record once"
  timed "killed$workers.tide" --delivery complete > complete
  same whole complete "$workers streams: complete delivery has each record once"
  expect 0 tidemark capture "killed$workers.tide" "${options[@]}" --resume
  says "nothing to resume"
done
echo "$kills_within captures were killed on their way"
(( kills_within > 0 )) || fail "no capture was killed on its way"

# Killed while it was still feeding a follower: complete delivery goes on over the restart without a word.
lines() { printf '{"t":%s,"n":%s}\n' "$@"; }
lines 1 1 2 2 3 3 3 4 > first.ndjson
lines 1 1 2 2 3 3 3 4 4 5 9 6 > all.ndjson
expect 0 tidemark capture live.tide first.ndjson --time t --leave-open
tidemark replay live.tide --delivery complete --follow --end wait > followed 2> followed.err &
follower=$!
background=("$follower")
tidemark tail live.tide -f -n 100 > tailed 2> tailed.err &
background+=("$!")
until_true 20 has_lines followed 2
until_true 20 has_lines tailed 4
# The same file, longer now.
cp all.ndjson first.ndjson
expect 0 tidemark capture live.tide first.ndjson --time t --resume
says "resuming at first.ndjson, line 3" "2 of incomplete times void"
wait "$follower" || { cat followed.err >&2; fail "the follower failed"; }
same all.ndjson followed "complete delivery over a restart"
grep -q "warning" followed.err && fail "complete delivery has nothing to warn of: $(cat followed.err)"
until_true 20 grep -q "records put out before this line at or after time 3 are void" tailed.err
expect 0 tidemark replay live.tide
same all.ndjson out "a reader that is opened afterwards"
expect 0 tidemark cat live.tide
grep -q '"kind":"void","frontier":\["3"\]' out || fail "cat does not show what became void"
end_background
background=()

# Several files: it goes on in the one where it was, and takes more than at first.
lines 1 1 2 2 > a.ndjson
lines 2 3 5 4 > b.ndjson
lines 6 5 7 6 > c.ndjson
expect 0 tidemark capture files.tide a.ndjson b.ndjson --time t --leave-open
expect 0 tidemark capture files.tide a.ndjson b.ndjson c.ndjson --time t --resume
tidemark replay files.tide | cmp - <(cat a.ndjson b.ndjson c.ndjson) || fail "files added on resuming"

# What does not fit is refused, and changes nothing.
expect 0 tidemark capture refuse.tide b.ndjson --time t --key n --leave-open
tidemark cat refuse.tide > before
expect 2 tidemark capture refuse.tide b.ndjson --time t --resume
says "the capture was begun with --key n, not unset"
expect 2 tidemark capture refuse.tide b.ndjson --time t --key n --lateness 5 --resume
says "--lateness 0, not 5"
expect 2 tidemark capture refuse.tide b.ndjson --time t --key n --workers 2 --resume
expect 2 tidemark capture refuse.tide c.ndjson --time t --key n --resume
says "not the files"
: > empty.ndjson
expect 2 tidemark capture refuse.tide empty.ndjson --time t --key n --resume
expect 2 tidemark capture refuse.tide - --time t --resume < b.ndjson
expect 2 tidemark capture refuse.tide --time t --resume < b.ndjson
says "only a capture of regular files"
expect 2 tidemark capture refuse.tide b.ndjson --resume
says "needs --time"
expect 2 tidemark capture new.tide b.ndjson --time t --resume --fresh
expect 0 tidemark capture stdin.tide --time t --leave-open < b.ndjson
expect 2 tidemark capture stdin.tide b.ndjson --time t --resume
says "was not captured from files by event time"
tidemark cat refuse.tide | cmp - before || fail "a refused capture changed the log"
