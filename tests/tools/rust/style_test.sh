#!/usr/bin/env bash
# rustfmt would lay out nothing differently, and clippy has nothing to say. Where a toolchain lacks one of them: exit code 77.
# Each version of clippy knows more than the one before, so only one of them may fail the run.
set -euo pipefail

for component in fmt clippy; do
  cargo "$component" --version > /dev/null 2>&1 || { echo "SKIPPED: cargo $component is not installed"; exit 77; }
done
cargo fmt --all --check
level=warn
[[ "$(cargo clippy --version)" != *" 0.1.95 "* ]] || level=deny
cargo clippy --quiet --release --locked --workspace --all-targets -- "--$level" warnings
