# Of a log of some MiB the last records and a range of times are found by way of waypoints: the same records come
# out as the input has there, of a closed log, of one without a control page, and of one with a damaged waypoint.
source "$(dirname "$0")/common.sh"

seq 0 39999 | awk '{ printf "{\"t\":%d,\"n\":%d,\"pad\":\"%0200d\"}\n", $1 / 10, $1, $1 }' > input.ndjson
tidemark capture closed.tide input.ndjson --time t 2> capture.err
cp -r closed.tide moved.tide
rm moved.tide/streams/*/control
cp -r closed.tide damaged.tide

for log in closed.tide moved.tide; do
  tidemark verify "$log" > out 2>&1 || fail "$log does not verify: $(cat out)"
  for records in 1 7 4000 20000 39999 40001; do
    tidemark tail "$log" -n "$records" > out
    tail -n "$records" input.ndjson | cmp - out >&2 || fail "the last $records of $log"
  done
  for from in 0 333 1500 2222 3998; do
    for length in 1 20 700; do
      tidemark replay "$log" --from "$from" --until "$(( from + length ))" > out
      sed -n "$(( 10 * from + 1 )),$(( 10 * (from + length) ))p" input.ndjson | cmp - out >&2 \
        || fail "times $from to $(( from + length )) of $log"
    done
  done
done

# The waypoints, frames of kind 6 with flag 1, of the third segment, which holds times 1200 to 2600 at least.
python3 - damaged.tide << 'PYTHON' || fail "there are no waypoints"
import glob, struct, sys
path = sorted(glob.glob(sys.argv[1] + "/streams/00000/*.seg"))[2]
data = bytearray(open(path, "rb").read())
at, found = 4096, []
while (word := struct.unpack_from("<Q", data, at)[0]) != 0:
    if word >> 32 == 0x106:
        found.append(at)
    at += (word & 0xFFFFFFFF) + 7 & ~7
if len(found) < 2:
    sys.exit(1)
for at in found:
    data[at + 40] ^= 1
open(path, "r+b").write(data)
PYTHON
expect 3 tidemark verify damaged.tide
expect 3 tidemark replay damaged.tide --from 2400
expect 0 tidemark replay damaged.tide --from 100 --until 101
expect 0 tidemark tail damaged.tide -n 3
