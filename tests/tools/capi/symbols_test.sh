#!/usr/bin/env bash
# The shared library shows the functions of tidemark.h, and nothing else.
#
#   symbols_test.sh LIBRARY HEADER
set -euo pipefail
library="$1" header="$2"

# Sanitizers put in symbols of their own.
shown="$(nm --dynamic --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort -u)"
declared="$(grep -oE '\btidemark_[a-z_]+\(' "$header" | grep -v '^tidemark_.*_close(NULL' | tr -d '(' | sort -u)"
[[ -n "$declared" ]]
if ! difference="$(diff <(echo "$declared") <(echo "$shown"))"; then
  echo "declared (<) and shown (>) are not the same:" "$difference" >&2
  exit 1
fi
soname="$(objdump -p "$library" | awk '$1 == "SONAME" {print $2}')"
major="$(grep -oE 'TIDEMARK_ABI_MAJOR [0-9]+' "$header" | grep -oE '[0-9]+')"
[[ "$soname" == "libtidemark_c.so.$major" ]] || { echo "the SONAME is $soname" >&2; exit 1; }
# No grep -q: it would leave objdump with a broken pipe.
objdump -T "$library" | grep TIDEMARK_C_1 > /dev/null || { echo "symbols have no version" >&2; exit 1; }
