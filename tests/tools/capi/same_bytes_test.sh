#!/usr/bin/env bash
# Writes one stream by several programs, and compares the bytes.
#
#   same_bytes_test.sh DIRECTORY PROGRAM PROGRAM...
set -euo pipefail
directory="$1"
shift
rm -rf "$directory"
mkdir -p "$directory"
logs=()
for program in "$@"; do
  logs+=("$directory/${#logs[@]}.tide")
  "$program" "${logs[-1]}"
done
here="$(dirname "${BASH_SOURCE[0]}")"
python3 "$here/same_bytes.py" "${logs[@]}"

# It would find out: a record of the second log is another one, or is missing.
segment="$(ls "${logs[1]}"/streams/00000/*.seg | head -n 2 | tail -n 1)"
printf 'X' | dd of="$segment" bs=1 seek=9000 conv=notrunc status=none
if python3 "$here/same_bytes.py" "${logs[@]}" 2> /dev/null; then
  echo "a changed byte was not found" >&2
  exit 1
fi
