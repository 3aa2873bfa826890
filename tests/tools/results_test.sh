# Where results go: files, pipes that end, full disks, closed descriptors, terminals. And what is offered.
source "$(dirname "$0")/common.sh"

expect 0 tidemark capture log.tide "$demo" --time author_time

expect 0 tidemark --version
[[ "$(cut -d' ' -f1 out | tr '\n' ' ')" == "tidemark libtidemark format " ]] || fail "--version: $(cat out)"
for command in capture replay tail cat info verify recover snapshot slice merge reindex cursors purge; do
  expect 0 tidemark "$command" --help
  grep -q '^Examples:' out || fail "$command --help has no examples"
  expect 2 tidemark "$command"
  expect 2 tidemark "$command" log.tide --no-such-option
  says "unknown option: --no-such-option"
  case "$command" in capture|recover|merge|purge) ;; *) expect 2 tidemark "$command" no.tide ;; esac
done
expect 2 tidemark
expect 2 tidemark no-such-command
says "unknown command: no-such-command"
expect 0 tidemark bench --help
grep -q '^Examples:' out || fail "bench --help has no examples"
expect 2 tidemark bench log.tide
says "unexpected argument: log.tide"
expect 2 tidemark bench --format yaml

# A reader that has seen enough is no error; a write that fails is.
for command in "replay log.tide" "cat log.tide" "tail log.tide -n 1500"; do
  # shellcheck disable=SC2086
  { tidemark $command 2> err; echo $? > code; } | head -1 > out
  [[ "$(cat code)" == 0 && ! -s err ]] || fail "$command: exit code $(cat code) for a pipe that ended: $(cat err)"
done
for command in "replay log.tide" "cat log.tide" "tail log.tide" "info log.tide" "verify log.tide" "cursors log.tide" "purge log.tide --keep-bytes 1GiB" "--help" "--version"; do
  code=0
  # shellcheck disable=SC2086
  tidemark $command > /dev/full 2> err || code=$?
  (( code == 1 )) || fail "$command: exit code $code on a full disk"
  says "cannot write standard output"
  code=0
  # shellcheck disable=SC2086
  tidemark $command >&- 2> err || code=$?
  (( code == 1 )) || fail "$command: exit code $code without a standard output"
done

expect 0 tidemark replay log.tide -o records
same records "$demo" "replay -o"
expect 0 tidemark cat log.tide --output events
same events <(tidemark cat log.tide) "cat -o"
expect 1 tidemark replay log.tide -o no/such/directory
says "no/such/directory"

# Scripts get no colour and no bar.
expect 0 tidemark info log.tide
! grep -q $'\033' out err || fail "colour without a terminal"
expect 0 tidemark info log.tide --color always
grep -q $'\033' out || fail "no colour, though it was asked for"

# A terminal gets no binary records.
printf '\033[31mred\n\377\n' | expect 0 tidemark capture binary.tide
if command -v script > /dev/null; then
  on_terminal() { script -qec "$1" /dev/null < /dev/null > shown || true; }
  on_terminal "tidemark replay binary.tide"
  grep -q "is binary" shown || { cat -v shown; fail "binary records on a terminal"; }
  ! grep -q $'\033\[31mred' shown || fail "a record commanded the terminal"
  on_terminal "tidemark replay binary.tide --format ndjson"
  grep -q '"base64":"/w=="' shown || { cat -v shown; fail "no envelope on a terminal"; }
  on_terminal "TERM=xterm tidemark info log.tide"
  grep -q $'\033' shown || fail "no colour on a terminal"
  on_terminal "NO_COLOR=1 TERM=xterm tidemark info log.tide"
  ! grep -q $'\033\[[0-9;]*m' shown || fail "colour in spite of NO_COLOR"
fi
tidemark replay binary.tide | cmp - <(printf '\033[31mred\n\377\n') || fail "binary records through a pipe"
