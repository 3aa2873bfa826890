# What the scripts of this directory share; each sources it first.

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# expect CODE COMMAND...: runs it with its output in the files `out` and `err`, and holds it to its exit code.
expect() {
  local wanted="$1" code=0
  shift
  "$@" > out 2> err || code=$?
  (( code == wanted )) || { cat err >&2; fail "exit code $code instead of $wanted: $*"; }
}

# says TEXT...: each stands in what the last expected command wrote to standard error.
says() {
  local text
  for text in "$@"; do
    grep --quiet --fixed-strings -- "$text" err || { cat err >&2; fail "it does not say: $text"; }
  done
}

# same FILE FILE WHAT
same() { cmp "$1" "$2" >&2 || fail "$3"; }

# until_true SECONDS COMMAND...: waits for something that another process does.
until_true() {
  local deadline=$(( SECONDS + $1 ))
  shift
  until "$@" 2> /dev/null; do
    (( SECONDS < deadline )) || fail "waited in vain for: $*"
    sleep 0.02
  done
}

has_lines() { (( $(wc -l < "$1") >= $2 )); }

# flip FILE OFFSET [BIT]: changes one bit of a file, and changes it back the second time.
flip() {
  local byte
  byte="$(od -An -tu1 -j "$2" -N1 "$1")"
  # shellcheck disable=SC2059  # the format is the byte
  printf "\\x$(printf '%02x' $(( byte ^ (1 << ${3:-0}) )))" \
    | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Directories with the whole commit histories: named by TIDEMARK_DATA, or beside the checkout.
full_data() {
  local directory
  for directory in "${TIDEMARK_DATA:-}" "$TIDEMARK_TEST_DATA/../../../shared/data"; do
    [[ -n "$directory" && -f "$directory/kafka.ndjson" ]] || continue
    printf '%s\n' "$directory"
    return
  done
}

# A process in the background must not inherit the write end of a fifo that its peer waits to be closed: it is
# started with 3>&-.

# Background processes end with the script, whatever happens.
background=()
end_background() {
  (( ${#background[@]} == 0 )) || kill -9 "${background[@]}" 2> /dev/null || true
  wait 2> /dev/null || true
}
trap end_background EXIT

demo="$TIDEMARK_TEST_DATA/demo.ndjson"
