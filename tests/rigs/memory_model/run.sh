#!/usr/bin/env bash
# Searches every interleaving of the model in tail.pml: without a finding where the rules hold, and with one for each rule that
# is broken on purpose. One line for each search on standard error, a summary as JSON on standard output. Exit code 77: spin or
# a C compiler is missing.
#
#   tests/rigs/memory_model/run.sh [VARIANT READERS]     one search alone, for instance FLAG 2; it leaves tail.pml.trail,
#                                                        which `spin -p -t -DFLAG -DREADERS=2 tail.pml` explains
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
for tool in spin cc; do
  command -v "$tool" > /dev/null || { echo "skipped: $tool is not installed" >&2; exit 77; }
done

# search VARIANT READERS: sets `errors` and `states`.
search() {
  local define=()
  [[ "$1" == rules ]] || define=("-D$1")
  (
    cd "$scratch"
    [[ "$PWD" -ef "$here" ]] || cp "$here/tail.pml" .
    spin -a "-DREADERS=$2" "${define[@]}" tail.pml > spin.out 2>&1 || { cat spin.out >&2; exit 1; }
    # Spin's own C is not written for our warnings.
    cc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c
    ./pan -m1000000 > pan.out 2>&1
  )
  if ! grep --quiet 'errors:' "$scratch/pan.out" || grep --quiet 'search depth too small' "$scratch/pan.out"; then
    cat "$scratch/pan.out" >&2
    exit 1
  fi
  errors="$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$scratch/pan.out")"
  states="$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' "$scratch/pan.out")"
  finding="$(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' "$scratch/pan.out")"
  printf '%-10s %d reader(s): %9s states, %s\n' "$1" "$2" "$states" "${finding:-nothing found}" >&2
}

if (( $# == 2 )); then
  scratch="$PWD"
  search "$1" "$2"
  exit 0
fi

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
failed=0
total=0
caught=()
for readers in 1 2; do
  search rules "$readers"
  (( errors == 0 )) || failed=1
  total=$(( total + ${states%.*} ))
done
for variant in RELAXED NO_ZERO NO_FENCE NO_RELOOK EARLY NO_SECOND FLAG; do
  search "$variant" 2
  if (( errors > 0 )); then caught+=("\"$variant\""); else failed=1; fi
done
(
  IFS=,
  printf '{"rig":"memory model","states":%d,"caught":[%s],"passed":%s}\n' "$total" "${caught[*]}" \
    "$( (( failed == 0 )) && echo true || echo false )"
)
exit "$failed"
