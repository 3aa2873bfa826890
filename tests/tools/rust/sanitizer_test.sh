#!/usr/bin/env bash
# The crate's tests under AddressSanitizer, which also sees leaks. It needs a nightly toolchain: else exit code 77.
set -euo pipefail

export RUSTUP_AUTO_INSTALL=0  # nothing is installed behind anybody's back
cargo +nightly --version > /dev/null 2>&1 || { echo "SKIPPED: there is no nightly toolchain, which Rust's sanitizers need"; exit 77; }
host="$(rustc +nightly -vV | sed -n 's/^host: //p')"
export RUSTFLAGS=-Zsanitizer=address
# A target that is named keeps the flags away from build scripts and macros.
cargo +nightly test --locked --target "$host" --lib --test capture_replay --test golden
