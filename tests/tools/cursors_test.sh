# A replay at a cursor goes on where the last one ended, repeats after a crash, and never leaves anything out.
source "$(dirname "$0")/common.sh"

expect 0 tidemark capture log.tide "$demo" --time author_time --workers 2 --leave-open
expect 0 tidemark cursors log.tide
grep -qx "no cursors" out || fail "there are cursors: $(cat out)"
[[ ! -e log.tide/catalog ]] || fail "looking for cursors made a catalog"
expect 2 tidemark cursors log.tide --delete a
expect 2 tidemark replay log.tide --cursor a --workers 2
expect 2 tidemark replay log.tide --cursor a --around 5

expect 0 tidemark replay log.tide --cursor a
says "starts from the beginning: no cursor a"
sort out | cmp - <(sort "$demo") || fail "the first replay is not all of it"
expect 0 tidemark replay log.tide --cursor a
[[ ! -s out && ! -s err ]] || fail "records came twice, or words: $(cat out err)"
printf '{"author_time":1600000000}\n{"author_time":1600000001}\n' > more
expect 0 tidemark capture log.tide more --time author_time --workers 2
expect 0 tidemark replay log.tide --cursor a --streams 1
[[ "$(cat out)" == '{"author_time":1600000001}' ]] || fail "one stream's: $(cat out)"
expect 0 tidemark replay log.tide --cursor a
[[ "$(cat out)" == '{"author_time":1600000000}' ]] || fail "the other stream's: $(cat out)"
expect 0 tidemark cursors log.tide
(( $(grep -c '^a ' out) == 2 )) || fail "not one line a stream: $(cat out)"
expect 0 tidemark cursors log.tide --format json
if command -v jq > /dev/null; then
  [[ "$(jq -r '.[0].places[1].place' out)" == good ]] || fail "not good: $(cat out)"
fi
expect 0 tidemark info log.tide
grep -q '^cursor' out || fail "info does not show the cursors"

# The reader of a pipe that had enough: what was written into the pipe counts as put out.
expect 0 tidemark capture big.tide "$demo" "$demo" "$demo" "$demo" "$demo" "$demo" "$demo" "$demo"
for i in 1 2 3 4 5 6 7 8; do cat "$demo"; done > big
: > seen
runs=0
# Killed at some moment, with its output in a file: what the file lacks of the end comes again.
until (( $(tail -n +1 seen | wc -l) >= $(wc -l < big) && runs > 3 )); do
  (( ++runs < 200 )) || fail "it never gets to the end"
  code=0
  timeout --foreground -s KILL "0.0$(( RANDOM % 9 + 1 ))" tidemark replay big.tide --cursor b > part 2> err || code=$?
  (( code == 0 || code == 137 )) || fail "exit code $code: $(cat err)"
  # Whole lines; each run goes on somewhere in what was seen, at its end at the latest.
  head -c "$(( $(wc -c < part) ))" part | sed '$!b;/^{.*}$/!d' > lines
  cat lines >> seen
  if (( code == 0 )) && [[ ! -s part ]]; then break; fi
done
sort -u seen | cmp - <(sort -u big) || fail "records were left out"

# Records that are held back, or not complete at the end, are before the cursor's place.
expect 0 tidemark capture late.tide "$demo" --time author_time --lateness 1000000 --workers 3 --leave-open
expect 0 tidemark replay late.tide --cursor c --delivery complete --order time
cp out first
(( $(wc -l < first) < $(wc -l < "$demo") )) || fail "nothing was incomplete"
printf '{"author_time":1700000000}\n' | expect 0 tidemark capture late.tide --time author_time --workers 3
expect 0 tidemark replay late.tide --cursor c --delivery complete --order time
sort -u first out > both
sort -u "$demo" <(printf '{"author_time":1700000000}\n') | cmp - both || fail "complete records were left out"
expect 0 tidemark replay late.tide --cursor c --delivery complete
[[ ! -s out ]] || fail "something is left"

# Cursors are gone with the catalog, and that is said.
rm -r log.tide/catalog
expect 0 tidemark replay log.tide --cursor a
says "no cursor a"
(( $(wc -l < out) == $(wc -l < "$demo") + 2 )) || fail "it did not start at the beginning"
# Another log in its place: lost, and never a jump.
expect 0 tidemark capture other.tide "$demo" --time author_time --workers 2
cp -r log.tide/catalog other.tide/catalog
expect 3 tidemark replay other.tide --cursor a
says "CursorLost" "--delete"
[[ ! -s out ]] || fail "records of another log"
expect 3 tidemark cursors other.tide
grep -q lost out || fail "not shown as lost: $(cat out)"
expect 0 tidemark cursors other.tide --delete a
expect 0 tidemark replay other.tide --cursor a
