# Two readers that share nothing but SPEC.md: `tidemark cat` and naive_reader.py, held against each other
# on captured, golden and damaged logs. Run by ctest, which gives TIDEMARK_RIGS and TIDEMARK_TEST_DATA.

rigs="$TIDEMARK_RIGS"
seed="${SEED:-1}"
damaged="${COUNT:-40}"

# Both must print the same events, and both find damage or neither.
agree() {
  local log="$1" what="$2" ours=0 theirs=0
  tidemark cat "$log" > cat.out 2> cat.err || ours=$?
  python3 "$rigs/naive_reader.py" "$log" > naive.out 2> naive.err || theirs=$?
  if ! cmp -s cat.out naive.out; then
    echo "other events: $what"
    diff <(head -c 2000 cat.out) <(head -c 2000 naive.out) | head -20
    cat cat.err naive.err
    exit 1
  fi
  if (( ours != theirs )); then
    echo "tidemark cat ends with $ours, naive_reader.py with $theirs: $what"
    cat cat.err naive.err
    exit 1
  fi
}

# Captured: one stream and several, several segments, times that move, batches, any bytes, reopened.
tidemark capture one --time commit_time --segment-size 64KiB < "$TIDEMARK_TEST_DATA/demo.ndjson" 2> capture.err
tidemark capture three --time author_time --lateness 100000 --workers 3 --key repo --segment-size 64KiB \
  --batch 16 < "$TIDEMARK_TEST_DATA/demo.ndjson" 2> capture.err
head -c 20000 /dev/urandom | tidemark capture bytes --leave-open 2> capture.err
printf 'one\ntwo\n\nfour' | tidemark capture bytes --leave-open 2> capture.err
# Resumed: records that became void, and marks.
head -n 700 "$TIDEMARK_TEST_DATA/demo.ndjson" > growing.ndjson
tidemark capture resumed growing.ndjson --time author_time --lateness 100000 --workers 2 --leave-open 2> capture.err
cp "$TIDEMARK_TEST_DATA/demo.ndjson" growing.ndjson
tidemark capture resumed growing.ndjson --time author_time --lateness 100000 --resume 2> capture.err
tidemark cat resumed | grep -q '"kind":"void"' || { echo "nothing became void"; exit 1; }
# Some MiB, so that there are waypoints.
for _ in {1..20}; do cat "$TIDEMARK_TEST_DATA/demo.ndjson"; done | tidemark capture large 2> capture.err
for log in one three bytes resumed large; do agree "$log" "as captured: $log"; done

# Golden: segments of all shapes of times, by themselves.
for segment in "$TIDEMARK_TEST_DATA"/golden/*.seg; do
  python3 "$rigs/naive_reader.py" --segment "$segment" > naive.out
  python3 - "${segment%.seg}.events" naive.out << 'PYTHON'
import json, sys
wanted = open(sys.argv[1], encoding="utf-8").read().splitlines()
found = []
for line in open(sys.argv[2], encoding="utf-8"):
    event = json.loads(line)
    if event["kind"] == "messages":
        if any(isinstance(record, dict) or not record.isprintable() for record in event["records"]):
            found.append(None)  # records with a schema stand there as text, here as they are
        else:
            found.append(" ".join(f'{event["time"]}:{record}' for record in event["records"]))
    else:
        found.append(" ".join(f"{time}{diff:+d}" for time, diff in event["changes"]))
if len(found) != len(wanted) or any(f is not None and f != w for f, w in zip(found, wanted)):
    sys.exit(f"{sys.argv[1]}: {wanted} wanted, {found} found")
PYTHON
done

# Damaged: a byte of some segment changed, a sector zeroed, a file cut, an entry gone.
for (( round = 0; round < damaged; ++round )); do
  rm -rf damaged
  cp -r "$( (( round % 2 )) && echo three || echo one)" damaged
  what="$(python3 - damaged "$seed" "$round" << 'PYTHON'
import glob, os, random, sys
log, seed, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed * 1000003 + number)
path = chance.choice(sorted(glob.glob(f"{log}/streams/*/*.seg")))
data = bytearray(open(path, "rb").read())
used = len(data.rstrip(b"\0"))
at = chance.randrange(used) if chance.random() < 0.8 else chance.randrange(min(used, 4600))
kind = chance.choice(["bit", "bit", "sector", "cut", "gone", "garbage"])
if kind == "bit":
    data[at] ^= 1 << chance.randrange(8)
elif kind == "sector":
    data[at // 512 * 512:at // 512 * 512 + 512] = bytes(512)
elif kind == "garbage":
    data[at:at + 8] = chance.randbytes(len(data[at:at + 8]))
elif kind == "cut":
    del data[at // 8 * 8:]
if kind == "gone":
    os.remove(path)
else:
    open(path, "wb").write(data)
print(f"{kind} at {at} of {path}, seed {seed}, round {number}")
PYTHON
)"
  agree damaged "$what"
done
echo "$damaged damaged logs read alike"
