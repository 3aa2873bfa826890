# The commands that the README shows, as it shows them.
source "$(dirname "$0")/common.sh"

readme="$TIDEMARK_TEST_DATA/../../README.md"
mkdir -p tests
ln -s "$TIDEMARK_TEST_DATA" tests/data

# section TITLE: its indented lines.
section() { sed -n "/^## $1\$/,/^## /p" "$readme" | sed -n 's/^    //p'; }

run_section() {
  local title="$1" count=0 line code
  while IFS= read -r line; do
    [[ "$line" == cmake* ]] && continue
    code=0
    # `timeout --foreground -s KILL` waits for what it killed, and answers 137 where it had to kill, which here is the point.
    bash -o pipefail -c "$line" > out 2> err || code=$?
    (( code == 0 )) || [[ "$code" == 137 && "$line" == timeout* ]] || { cat err >&2; fail "exit code $code: $line"; }
    (( ++count ))
  done < <(section "$title")
  (( count >= 4 )) || fail "\"$title\" shows only $count commands"
}

run_section "Quick start"
run_section "After a crash"
