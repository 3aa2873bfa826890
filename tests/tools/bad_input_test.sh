# Bad input is refused with its line number; what came before it is captured, durable and can be continued.
source "$(dirname "$0")/common.sh"

good() { printf '{"t":%d,"k":"x"}\n' "$@"; }
repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; }

# refused NAME TEXT...: line 4 is what standard input holds.
refused() {
  local name="$1"
  shift
  { good 1 2 3; cat; echo; good 9; } > "$name.ndjson"
  expect 1 tidemark capture "$name.tide" --time t --segment-size 64KiB --ack "$name.ndjson"
  says "tidemark: capture:" "$name.ndjson, line 4" "$@"
  [[ "$(tail -1 out)" == '{"durable_records":"3"}' ]] || fail "$name: not all before the line was acknowledged"
  good 1 2 3 > expected
  tidemark replay "$name.tide" | cmp - expected || fail "$name: the lines before it are not there"
  good 10 | expect 0 tidemark capture "$name.tide" --time t
  expect 0 tidemark verify "$name.tide"
  # The message stays short, whatever the line holds.
  (( $(wc -c < err) < 1000 )) || fail "$name: a message of $(wc -c < err) bytes"

  # Skipped and counted, by a pipe; a line that is too long ends this too.
  [[ "$name" != long ]] || return 0
  expect 0 tidemark capture "$name.skip.tide" --time t --segment-size 64KiB --ack --bad-lines skip - < "$name.ndjson"
  says "captured 4 records" "1 bad line skipped"
  [[ "$(tail -1 out)" == '{"durable_records":"5"}' ]] || fail "$name: skipped lines count"
}

printf 'no json'                      | refused text "is no JSON"
printf ''                             | refused empty "is no JSON"
printf '{"t":4'                       | refused cut "is no JSON"
printf '[4]'                          | refused array "is no JSON object"
printf '{"t":4}{"t":5}'               | refused two "is no JSON"
printf '{"T":4}'                      | refused absent '"t" is not there'
printf '{"a":{"t":4}}'                | refused nested '"t" is not there'
printf '{"t":-4}'                     | refused negative "is negative"
printf '{"t":18446744073709551616}'   | refused overflow "beyond 2^64 - 1"
printf '{"t":4.5}'                    | refused fraction "no whole number"
printf '{"t":"soon"}'                 | refused word "no whole number"
printf '{"t":null}'                   | refused null "is null"
printf '{"t":4}\0'                    | refused nul "is NUL"
printf '{"t":4,\0"u":5}'              | refused nul_inside "is NUL"
printf '{"t":4,"x":"\xff"}'           | refused encoding "is no JSON"
{ printf '{"t":'; repeat '[' 50000; } | refused brackets "nested deeper"
{ printf '{"t":4,"x":"'; repeat x 70000; printf '"}'; } | refused long "longer than"

# 200,000 brackets on one line, in a log whose segments could hold it.
{ good 1; printf '{"t":'; repeat '[' 200000; echo; } > deep.ndjson
expect 1 tidemark capture deep.tide --time t deep.ndjson
says "nested deeper" "deep.ndjson, line 2"
repeat '[' 200000 > deeper.ndjson
expect 1 tidemark capture deeper.tide --time t deeper.ndjson
says "no JSON object" "line 1"

# A record without its key.
printf '{"t":1,"k":1}\n{"t":2}\n' > keyless.ndjson
expect 1 tidemark capture keyless.tide --key k --workers 2 keyless.ndjson
says '"k" is not there' "line 2"

# The line number is that of its own file.
good 1 2 > first.ndjson
printf '{"t":3}\nbad\n' > second.ndjson
expect 1 tidemark capture files.tide --time t first.ndjson second.ndjson
says "second.ndjson, line 2"
[[ "$(tidemark replay files.tide | wc -l)" == 3 ]] || fail "the lines before it in both files"

# Standard input has lines too.
printf 'bad\n' | expect 1 tidemark capture input.tide --time t
says "standard input, line 1"

# Late records.
good 5 3 > late.ndjson
expect 1 tidemark capture late.tide --time t --late error late.ndjson
says "late: its time is 3, the frontier 5" "line 2"

# What can be seen beforehand creates nothing.
for input in . /nonexistent; do
  expect 2 tidemark capture none.tide first.ndjson "$input"
  [[ ! -e none.tide ]] || fail "a log for an input that cannot be read"
done
expect 2 tidemark capture none.tide - < /
says "is a directory: standard input"
expect 2 tidemark capture none.tide - -
expect 2 tidemark capture none.tide <&-
[[ ! -e none.tide ]] || fail "a log without any input"
for bad in "--batch 0" "--batch x" "--workers 0" "--linger -1" "--sync never" "--segment-size 1000" "--late maybe" \
    "--lateness 5" "--time-format s" "--key=" "--resume" "--unknown"; do
  # shellcheck disable=SC2086  # an option and its value
  expect 2 tidemark capture none.tide $bad first.ndjson
  says "tidemark: capture:"
  [[ ! -e none.tide ]] || fail "$bad: a log was created"
done

# Nobody reads the acknowledgements: an error, after a clean end.
{ good 1 2 3; sleep 0.3; good 4; } \
  | { code=0; tidemark capture pipe.tide --time t --ack --sync commit 2> err || code=$?; echo "$code" > code; } | true || true
[[ "$(cat code)" == 1 ]] || fail "exit code $(cat code) where the acknowledgements had no reader"
says "acknowledgements"
expect 0 tidemark verify pipe.tide
good 10 | expect 0 tidemark capture pipe.tide --time t
code=0; tidemark capture full2.tide --ack first.ndjson > /dev/full 2> err || code=$?
(( code == 1 )) || fail "exit code $code where the acknowledgements could not be written"
