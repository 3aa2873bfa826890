# A small log costs little, a closed one gives back what it did not use. A full disk ends a capture with a clear
# message; what was captured replays, and once there is space the next capture goes on.
source "$(dirname "$0")/common.sh"

kib_of() { du -sk "$1" | cut -f1; }

seq 10 | expect 0 tidemark capture ten.tide
(( $(kib_of ten.tide) <= 512 )) || fail "ten records cost $(kib_of ten.tide) KiB"
mkfifo input
tidemark capture open.tide --linger 1 - < input 2> /dev/null &
background=("$!")
exec 3> input
seq 10 >&3
replayed_ten() { [[ "$(tidemark replay open.tide | wc -l)" == 10 ]]; }
until_true 10 replayed_ten
(( $(kib_of open.tide) <= 4096 )) || fail "ten records of an open log cost $(kib_of open.tide) KiB"
exec 3>&-
wait "${background[0]}"
background=()
for (( i = 0; i < 20; ++i )); do cat "$demo"; done > more.ndjson
expect 0 tidemark capture more.tide more.ndjson
data=$(( $(wc -c < more.ndjson) / 1024 ))
(( $(kib_of more.tide) <= data + data / 4 + 1024 )) || fail "$data KiB of records take $(kib_of more.tide) KiB after closing"

skip() {
  echo "SKIPPED: $*"
  exit 77
}
(( EUID == 0 )) || skip "only root can mount a small file system to fill"

mounted=""
unmount() {
  end_background
  [[ -z "$mounted" ]] || umount "$mounted"
}
trap unmount EXIT

# fill_disk NAME: `NAME` is a directory on a file system of a few MiB.
fill_disk() {
  local disk="$1" written
  head -c 2000000 /dev/zero > "$disk/ballast"
  seq 5000000 > endless
  expect 1 tidemark capture "$disk/log.tide" --segment-size 1MiB endless
  says "NoSpace" "line " "the disk is nearly full" "in reserve"
  expect 0 tidemark verify "$disk/log.tide"
  expect 0 tidemark replay "$disk/log.tide"
  written="$(wc -l < out)"
  (( written > 1000 )) || fail "$disk: only $written records before the disk was full"
  seq "$written" | cmp - out || fail "$disk: not a prefix of the input"
  # Still full: refused again, nothing breaks.
  expect 1 tidemark capture "$disk/log.tide" --segment-size 1MiB endless
  tidemark replay "$disk/log.tide" > kept
  rm "$disk/ballast"
  seq 1000 | expect 0 tidemark capture "$disk/log.tide" --segment-size 64KiB
  { cat kept; seq 1000; } | cmp - <(tidemark replay "$disk/log.tide") || fail "$disk: the capture did not go on"
  expect 0 tidemark verify "$disk/log.tide"
  # A new log on a disk without any space.
  cat endless > "$disk/ballast" 2> /dev/null || true
  expect 1 tidemark capture "$disk/none.tide" endless
  says "NoSpace"
}

mkdir tmpfs loop
if mount -t tmpfs -o size=8m tidemark-test tmpfs 2> /dev/null; then
  mounted=tmpfs
  fill_disk tmpfs
  umount tmpfs
  mounted=""
else
  skip "no tmpfs can be mounted here"
fi
truncate -s 16M image
if mkfs.ext4 -q image 2> /dev/null && mount -o loop image loop 2> /dev/null; then
  mounted=loop
  fill_disk loop
  umount loop
  mounted=""
else
  echo "no loop device here: only tmpfs was filled"
fi
