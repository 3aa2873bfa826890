# Copies of a log, slices of it, and logs merged into one.
source "$(dirname "$0")/common.sh"
export LC_ALL=C

lines() { for t in $(seq "$1" "$2"); do printf '{"t":%d,"of":"%s"}\n' "$t" "$3"; done; }
sorted_replay() { tidemark replay "$@" | sort; }

lines 1 3000 a | expect 0 tidemark capture a.tide --time t --workers 3 --segment-size 64KiB
lines 2000 2500 b | expect 0 tidemark capture b.tide --time t --leave-open

# A slice is what a replay of those times gives, with its clocks.
expect 0 tidemark slice a.tide --from 100 --until 200 -o hundred.tide
says "100 records in 3 streams, verified"
expect 0 tidemark verify hundred.tide
same <(sorted_replay hundred.tide) <(lines 100 199 a | sort) "a slice"
same <(tidemark replay hundred.tide --format ndjson | sed 's/"position":"[0-9]*",//' | sort) \
  <(tidemark replay a.tide --from 100 --until 200 --format ndjson | sed 's/"position":"[0-9]*",//' | sort) "clocks of a slice"
expect 0 tidemark info hundred.tide
[[ "$(grep -c finished out)" -ge 1 ]] || fail "a slice that is over is finished"
[[ "$(tidemark replay hundred.tide --delivery complete | wc -l)" == 100 ]] || fail "a slice is complete"

# One stream of it, which is stream 0 then.
expect 0 tidemark slice a.tide --streams 1 -o one.tide
grep -qE '^ +0 +1 ' out || { cat out >&2; fail "it says which stream became which"; }
same <(tidemark replay one.tide) <(tidemark replay a.tide --streams 1) "one stream"

# A merge has the streams of both.
expect 0 tidemark merge a.tide b.tide -o both.tide
says "3,501 records in 4 streams, verified"
expect 0 tidemark verify both.tide
same <(sorted_replay both.tide) <({ lines 1 3000 a; lines 2000 2500 b; } | sort) "a merge"
same <(tidemark replay both.tide --streams 3) <(lines 2000 2500 b) "the second log's stream"

# A snapshot of a log that is being written.
mkfifo input
tidemark capture live.tide --segment-size 64KiB --time t - < input 2> capture.err &
background=("$!")
exec 3> input
lines 1 4000 c >&3
committed() { [[ "$(tidemark replay live.tide 2> /dev/null 3>&- | wc -l)" -gt 3000 ]]; }
until_true 20 committed
expect 0 tidemark snapshot live.tide -o copy.tide 3>&-
says "shared"
expect 0 tidemark verify copy.tide 3>&-
lines 4001 5000 c >&3
exec 3>&-
wait "${background[0]}"
tidemark replay copy.tide > part
(( $(wc -l < part) > 3000 )) || fail "a snapshot of $(wc -l < part) records"
same part <(tidemark replay live.tide | head -n "$(wc -l < part)") "a snapshot is a beginning"
expect 0 tidemark verify live.tide

# What stands somewhere is left alone, and nothing is left behind.
for command in "snapshot a.tide" "slice a.tide --from 3" "merge a.tide b.tide"; do
  # shellcheck disable=SC2086  # a command line
  expect 1 tidemark $command -o b.tide
  says "AlreadyExists"
done
expect 2 tidemark slice a.tide -o new.tide
expect 2 tidemark slice a.tide --from yesterday -o new.tide
expect 2 tidemark slice a.tide --streams 9 -o new.tide
expect 2 tidemark snapshot no.tide -o new.tide
expect 2 tidemark merge a.tide no.tide -o new.tide
flip "$(ls a.tide/streams/00001/*.seg | head -1)" 5000
expect 3 tidemark merge b.tide a.tide -o new.tide
[[ -z "$(find . -name '*.new*' -o -name 'new.tide')" ]] || fail "something was left behind: $(ls)"

# What is near a time is the same as in a search through all.
expect 0 tidemark slice b.tide --from 0 -o c.tide
for t in 2000 2003 2250 2497 9999; do
  same <(tidemark replay both.tide --streams 0,1,2 --around "$t") \
    <({ lines 1 $(( t - 1 < 3000 ? t - 1 : 3000 )) a | tail -10; (( t > 3000 )) || lines "$t" 3000 a | head -10; }) "around $t"
done
for n in 1 7 500; do
  same <(tidemark tail both.tide --streams 3 -n "$n") <(lines 2000 2500 b | tail -n "$n") "the last $n"
done
