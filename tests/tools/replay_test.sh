# What replay can be asked for: ranges and neighbourhoods of times, streams, envelopes, pace, following.
source "$(dirname "$0")/common.sh"
export LC_ALL=C

numbers() { tr '\n' ' ' < "${1:-/dev/stdin}"; }
lines() { for t in "$@"; do printf '{"t":%d}\n' "$t"; done; }
times() { sed -E 's/\{"t":([0-9]+)\}/\1/' | numbers; }

# shellcheck disable=SC2046  # a list of numbers
lines $(seq 1 100) | expect 0 tidemark capture log.tide --time t --workers 3
[[ "$(tidemark replay log.tide --order time --from 10 --until 15 | times)" == "10 11 12 13 14 " ]] || fail "a half-open range"
[[ "$(tidemark replay log.tide --order time --from 98 | times)" == "98 99 100 " ]] || fail "a range without an end"
[[ "$(tidemark replay log.tide --order time --until 3 | times)" == "1 2 " ]] || fail "a range without a beginning"
[[ "$(tidemark replay log.tide --from 200 | times)" == "" ]] || fail "an empty range"
[[ "$(tidemark replay log.tide --around 50 | times)" == "$(seq -s' ' 40 59) " ]] || fail "around 50: $(tidemark replay log.tide --around 50 | times)"
[[ "$(tidemark replay log.tide --around 3 | times)" == "$(seq -s' ' 1 12) " ]] || fail "around 3"
[[ "$(tidemark replay log.tide --around 1000 | times)" == "$(seq -s' ' 91 100) " ]] || fail "around the end"
[[ "$(tidemark replay log.tide --order time --delivery complete | times)" == "$(seq -s' ' 1 100) " ]] || fail "complete delivery"
[[ "$(tidemark replay log.tide --streams 1 | times)" == "$(seq -s' ' 2 3 100) " ]] || fail "one stream"
[[ "$(tidemark replay log.tide --streams 0,2 | wc -l)" == 67 ]] || fail "two streams"
expect 2 tidemark replay log.tide --streams 3
expect 2 tidemark replay log.tide --around 3 --from 2
expect 2 tidemark replay log.tide --from yesterday
tidemark replay log.tide --format ndjson --streams 0 --until 2 \
  | grep -qE '^\{"stream":0,"position":"[0-9]+","time":"1","captured_at":"[0-9]{19}","record":"\{\\"t\\":1\}"\}$' \
  || fail "an envelope"

# RFC 3339 for times that are nanoseconds.
printf '{"t":"2026-01-0%dT00:00:00Z"}\n' 1 2 3 | expect 0 tidemark capture days.tide --time t --time-format rfc3339
[[ "$(tidemark replay days.tide --from 2026-01-02T00:00:00Z --until 2026-01-03T00:00:00Z)" == '{"t":"2026-01-02T00:00:00Z"}' ]] \
  || fail "a range in RFC 3339"

# Paced by the capture clock: half a second apart, four times as fast.
{ echo a; sleep 0.5; echo b; } | expect 0 tidemark capture paced.tide --linger 1
started="$(date +%s%N)"
expect 0 tidemark replay paced.tide --rate 4
took=$(( ($(date +%s%N) - started) / 1000000 ))
(( took >= 100 && took < 5000 )) || fail "paced in $took ms"

# Following a live log until its streams finish; not following, only what is there.
mkfifo input
tidemark capture live.tide --workers 2 --linger 1 - < input 2> /dev/null &
capture=$!
background=("$capture")
exec 3> input
printf '1\n2\n' >&3
replayed_two() { [[ "$(tidemark replay live.tide | wc -l)" == 2 ]]; }
until_true 10 replayed_two
tidemark replay live.tide --follow > followed 2> follow.err 3>&- &
follow=$!
tidemark replay live.tide --follow --order time --delivery complete > complete 2>> follow.err 3>&- &
follow_complete=$!
background+=("$follow" "$follow_complete")
until_true 10 has_lines followed 2
printf '3\n4\n5' >&3
exec 3>&-
wait "$capture"
wait "$follow" || fail "following: $(cat follow.err)"
wait "$follow_complete" || fail "following completely: $(cat follow.err)"
[[ "$(sort followed | numbers)" == "1 2 3 4 5 " ]] || fail "followed: $(numbers followed)"
[[ "$(sort complete | numbers)" == "1 2 3 4 5 " ]] || fail "followed completely: $(numbers complete)"

# A log that nobody writes and nobody finished: ended, held, or waited for.
seq 3 | expect 0 tidemark capture open.tide --leave-open
[[ "$(tidemark replay open.tide --follow | numbers)" == "1 2 3 " ]] || fail "released"
[[ "$(tidemark replay open.tide --follow --end hold | numbers)" == "1 2 3 " ]] || fail "held"
tidemark replay open.tide --follow --end wait > waited 2> err &
waiting=$!
background=("$waiting")
until_true 10 has_lines waited 3
seq 4 5 | tidemark capture open.tide 2> /dev/null
wait "$waiting" || fail "waiting: $(cat err)"
[[ "$(numbers waited)" == "1 2 3 4 5 " ]] || fail "waited: $(numbers waited)"
