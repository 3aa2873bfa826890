# In a closed log any flipped bit is found: verify exits with 3 and names the place, replay puts out what precedes
# it, then the error, and never a wrong record. recover saves the rest.
source "$(dirname "$0")/common.sh"

seed="${TIDEMARK_SEED:-20190114}"
flips="${TIDEMARK_FLIPS:-60}"
echo "seed $seed, $flips flips; repeat with: TIDEMARK_SEED=$seed TIDEMARK_FLIPS=$flips"
RANDOM="$seed"

expect 0 tidemark capture log.tide "$demo" --time author_time --segment-size 64KiB
cp -r log.tide sound.tide
segments=(log.tide/streams/00000/*.seg)
(( ${#segments[@]} > 3 )) || fail "only ${#segments[@]} segments"

# The bytes of a segment up to its logical end, from "segment":"0","state":"sealed",...,"end":"65000".
tidemark info log.tide --format json | tr -d '\n ' | grep -o '"segment":"[0-9]*"[^}]*"end":"[0-9]*"' \
  | sed -E 's/"segment":"([0-9]+)".*"end":"([0-9]+)"/\1 \2/' > ends
for (( i = 0; i < flips; ++i )); do
  index=$(( RANDOM % ${#segments[@]} ))
  read -r first end < <(sed -n "$(( index + 1 ))p" ends)
  offset=$(( (RANDOM * 32768 + RANDOM) % (end - first) ))
  # Every fifth one in the header, which is a small part of the bytes.
  (( i % 5 != 0 )) || offset=$(( RANDOM % 4096 ))
  bit=$(( RANDOM % 8 ))
  place="segment $first, offset $offset, bit $bit"
  flip "${segments[index]}" "$offset" "$bit"
  expect 3 tidemark verify log.tide
  grep -q "stream 0, segment $first, offset [0-9]" out || { cat out >&2; fail "verify does not name the place: $place"; }
  expect 3 tidemark replay log.tide
  says "tidemark: replay:"
  cmp -n "$(wc -c < out)" out "$demo" || fail "replay put out something else than a prefix: $place"
  (( $(wc -c < out) < $(wc -c < "$demo") )) || fail "replay put out everything: $place"
  expect 3 tidemark verify log.tide --format json
  grep -q '"offset"' out || fail "verify --format json does not name the place: $place"
  flip "${segments[index]}" "$offset" "$bit"
done
expect 0 tidemark verify log.tide

# Salvage: everything else, in order.
flip "${segments[1]}" 30000
expect 3 tidemark cat log.tide
expect 3 tidemark recover log.tide -o saved.tide
expect 0 tidemark verify saved.tide
expect 0 tidemark replay saved.tide
records="$(wc -l < out)"
(( records < 1500 && records > 1200 )) || fail "$records of 1500 records saved"
# What was saved stands in the input in the same order: nothing else, nothing twice.
diff out "$demo" | grep '^<' && fail "recover made something up"
expect 1 tidemark recover log.tide -o saved.tide
says "AlreadyExists"
expect 0 tidemark recover sound.tide -o copy.tide
tidemark replay copy.tide | cmp - "$demo" || fail "recover changed a sound log"

# A lost segment is data loss, said so; of several streams the others are still there.
expect 0 tidemark capture three.tide "$demo" --time author_time --workers 3 --segment-size 64KiB
victim="$(ls three.tide/streams/00001/*.seg | sed -n 2p)"
mv "$victim" .
expect 3 tidemark verify three.tide
grep -q "stream 1" out || fail "verify does not name the stream"
expect 3 tidemark replay three.tide
expect 0 tidemark replay three.tide --streams 0,2
mv "$(basename "$victim")" "$victim"
mv three.tide/streams/00002 .
expect 3 tidemark replay three.tide
says "stream 2"
expect 3 tidemark verify three.tide
expect 0 tidemark replay three.tide --streams 0,1

# A killed writer is no damage.
mkfifo input
tidemark capture killed.tide --linger 1 - < input 2> /dev/null &
capture=$!
background=("$capture")
exec 3> input
echo record >&3
replayed_one() { [[ "$(tidemark replay killed.tide)" == record ]]; }
until_true 10 replayed_one
kill -9 "$capture"
wait "$capture" || true
background=()
expect 0 tidemark verify killed.tide
grep -qi "killed" out || { cat out >&2; fail "verify does not say that the writer was killed"; }
tidemark info killed.tide --format json | grep -q '"state": "crashed"' || fail "info does not say crashed"
