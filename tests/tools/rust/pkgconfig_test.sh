#!/usr/bin/env bash
# The crate, far from Tidemark's sources, finds an installed library through pkg-config.
#
#   pkgconfig_test.sh <scratch directory> <CMake build> <library directory below a prefix>
set -euo pipefail

scratch="$1" build="$2" libraries="$3"
rm -rf "$scratch"
mkdir -p "$scratch"
cmake --install "$build" --prefix "$scratch/prefix" > "$scratch/install.log"
cp -r . "$scratch/crate"

unset TIDEMARK_LIB_DIR
export PKG_CONFIG_PATH="$scratch/prefix/$libraries/pkgconfig"
# The shared library alone, for the crate would take the archive beside it.
rm -f "$scratch/prefix/$libraries/libtidemark_c.a"
cd "$scratch/crate"
cargo build --quiet --release --locked --example write_same
LD_LIBRARY_PATH="$scratch/prefix/$libraries" "$CARGO_TARGET_DIR/release/examples/write_same" "$scratch/log.tide"
# Not through a pipe: grep -q leaves at the first match, and ldd, which is a script, may then die of SIGPIPE.
ldd "$CARGO_TARGET_DIR/release/examples/write_same" > "$scratch/loaded"
grep -q 'libtidemark_c\.so' "$scratch/loaded" || { echo "the shared library is not used"; cat "$scratch/loaded"; exit 1; }
tidemark verify "$scratch/log.tide"
