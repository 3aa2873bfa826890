#!/usr/bin/env bash
# Runs a command that needs cargo, or says why not: exit code 77.
set -euo pipefail

needed=1.86
say_skipped() { echo "SKIPPED: $1. The Rust crate is not tested; https://rustup.rs has Rust $needed and newer."; exit 77; }

[[ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ]] && PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
command -v cargo > /dev/null || say_skipped "cargo is not installed"
found="$(rustc --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1)" || say_skipped "rustc does not run"
[[ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" == "$needed" ]] || say_skipped "Rust $found is older than $needed"
# The registry is needed once, for the crates that Cargo.lock names.
if ! fetched="$(cargo fetch --locked 2>&1)"; then
  cargo fetch --locked --offline > /dev/null 2>&1 || say_skipped "the crates of Cargo.lock cannot be had: ${fetched##*$'\n'}"
fi
exec "$@"
