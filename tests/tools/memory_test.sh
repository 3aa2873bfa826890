# Capturing and replaying more does not take more memory.
source "$(dirname "$0")/common.sh"

# The greatest resident size of a process so far, in KiB.
peak_of() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }

mkfifo input
tidemark capture log.tide --segment-size 1MiB --time commit_time - < input 2> capture.err &
capture=$!
exec 3> input
tidemark_started() { [[ -d log.tide/streams/00000 ]]; }
until_true 10 tidemark_started
sleep 0.2
tidemark replay log.tide --follow > /dev/null 2> replay.err 3>&- &
replay=$!
tidemark replay log.tide --follow --order time > /dev/null 2>> replay.err 3>&- &
replay_time=$!
background=("$capture" "$replay" "$replay_time")

# Each copy of the demo, later than the one before it.
copies() {
  local i
  for (( i = $1; i < $2; ++i )); do sed -E "s/\"commit_time\":1(5[0-9]{8})/\"commit_time\":$(( i + 10 ))\\1/" "$demo"; done
}
bytes_in_log() { tidemark info log.tide --format json | sed -n 's/^  "data_bytes": "\([0-9]*\)",$/\1/p'; }

copies 0 20 >&3
sleep 1
capture_before="$(peak_of "$capture")"
replay_before="$(peak_of "$replay")"
replay_time_before="$(peak_of "$replay_time")"
copies 20 200 >&3
all_there() { (( $(bytes_in_log) > 45000000 )); }
until_true 60 all_there
sleep 1
for process in capture replay replay_time; do
  before="${process}_before"
  grown=$(( $(peak_of "${!process}") - ${!before} ))
  echo "$process: ${!before} KiB after 5 MB, $grown KiB more after 50 MB"
  (( grown < 8192 )) || fail "$process grew by $grown KiB"
done
exec 3>&-
wait "$capture" || fail "capture: $(cat capture.err)"
wait "$replay" "$replay_time" || fail "replay: $(cat replay.err)"
