# One writer a stream: a second capture is refused at once and harms nothing. An interrupt leaves the streams
# open, a finished log is final.
source "$(dirname "$0")/common.sh"

mkfifo input
tidemark capture live.tide --workers 2 - < input 2> first.err &
capture=$!
background=("$capture")
exec 3> input
printf 'a\nb\n' >&3
replayed_two() { [[ "$(tidemark replay live.tide | wc -l)" == 2 ]]; }
until_true 10 replayed_two

started="$(date +%s%N)"
expect 1 tidemark capture live.tide "$demo"
says Busy "stream 0"
took=$(( ($(date +%s%N) - started) / 1000000 ))
(( took < 2000 )) || fail "Busy after $took ms is not at once"
expect 2 tidemark capture live.tide --workers 3 "$demo"
says "2 streams"

# The first one goes on; an interrupt syncs and leaves the streams open.
printf 'c\n' >&3
replayed_three() { [[ "$(tidemark replay live.tide | wc -l)" == 3 ]]; }
until_true 10 replayed_three
kill -INT "$capture"
code=0
wait "$capture" || code=$?
(( code == 130 )) || fail "exit code $code after an interrupt"
exec 3>&-
background=()
expect 0 tidemark verify live.tide
[[ "$(tidemark replay live.tide | sort | tr -d '\n')" == abc ]] || fail "an interrupt lost what was read"
printf 'd\n' | expect 0 tidemark capture live.tide --leave-open
says "open for the next capture"
printf 'e\n' | expect 0 tidemark capture live.tide
says "finished"
[[ "$(tidemark replay live.tide | sort | tr -d '\n')" == abcde ]] || fail "a later capture did not append"
printf 'f\n' | expect 1 tidemark capture live.tide
says "Finished"
[[ "$(tidemark replay live.tide | wc -l)" == 5 ]] || fail "a finished log was changed"

printf 'a\n' | expect 1 tidemark capture live.tide --fresh
says "AlreadyExists"
printf 'a\n' | expect 0 tidemark capture fresh.tide --fresh

# SIGTERM is an interrupt too, also where nothing comes.
mkfifo idle
tidemark capture idle.tide - < idle 2> err &
capture=$!
background=("$capture")
exec 4> idle
until_true 10 test -d idle.tide
sleep 0.1
kill -TERM "$capture"
code=0
wait "$capture" || code=$?
(( code == 130 )) || fail "exit code $code after SIGTERM"
background=()
