#!/usr/bin/env bash
# A capture by the crate fills a real file system: the handle has NoSpace, and what came before it is read.
# Where no file system can be mounted: exit code 77.
#
#   disk_test.sh <scratch directory>
set -euo pipefail

disk="$1"
(( EUID == 0 )) || { echo "SKIPPED: only root can mount a small file system to fill"; exit 77; }
mkdir -p "$disk"
mount -t tmpfs -o size=8m tidemark-test "$disk" 2> /dev/null || { echo "SKIPPED: no tmpfs can be mounted here"; exit 77; }
trap 'umount "$disk"' EXIT

cargo build --quiet --release --locked --example side_by_side
answer="$("$CARGO_TARGET_DIR/release/examples/side_by_side" --fill "$disk/log.tide")"
echo "$answer"
[[ "$answer" == "NoSpace in the handle; "*" events before it are there: true" ]]
(( $(grep -oE '[0-9]+' <<< "$answer" | head -n 1) > 100 ))
tidemark verify "$disk/log.tide"
