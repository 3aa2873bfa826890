# What a log does can be watched: again each second for people, as a file for Prometheus.
source "$(dirname "$0")/common.sh"

mkfifo input
tidemark capture log.tide --linger 1 - < input 2> /dev/null &
background=("$!")
exec 3> input
seq 10 >&3
has_ten() { tidemark info log.tide --metrics - | grep -q '^tidemark_stream_records_total{log="log.tide",stream="0"} 10$'; }
until_true 10 has_ten

tidemark info log.tide --watch --metrics log.prom 3>&- &
background+=("$!")
tidemark info log.tide --watch > watched 3>&- &
background+=("$!")
until_true 10 test -s log.prom
grep -q 'tidemark_stream_state{log="log.tide",stream="0",state="open"} 1' log.prom || fail "not open: $(cat log.prom)"
twice() { (( $(grep -c '^log.tide' watched) >= 2 )); }
until_true 20 twice
# An interrupt ends it; so does the last stream's end.
tidemark info log.tide --watch > /dev/null 3>&- &
interrupted="$!"
sleep 0.5
kill -INT "$interrupted" 2> /dev/null || true
code=0
wait "$interrupted" || code=$?
# A script's background jobs ignore interrupts unless they handle them: this one does.
(( code == 130 )) || fail "exit code $code after an interrupt"
seq 10 >&3
exec 3>&-
for job in "${background[@]}"; do
  code=0
  wait "$job" || code=$?
  (( code == 0 )) || fail "exit code $code at the end"
done
background=()
grep -q 'stream="0",state="finished"} 1' log.prom || fail "the last state is not in the file"
grep -q '^tidemark_stream_records_total{log="log.tide",stream="0"} 20$' log.prom || fail "the last number is not in the file"
[[ -z "$(find . -name 'log.prom.new*')" ]] || fail "half a file is left"
grep -q "finished" watched || fail "the last state was not shown"

expect 1 tidemark info log.tide --metrics no/such/directory/file
expect 2 tidemark info log.tide --metrics x -o y
# Every line is a comment, or a name with labels and a number.
expect 0 tidemark info log.tide --metrics -
! grep -vE '^(# (HELP|TYPE) tidemark_[a-z_]+ .+|tidemark_[a-z_]+\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\} -?[0-9.]+)$' out || fail "no exposition"
