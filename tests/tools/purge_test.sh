# Old segments go, as far as the policy, the frontier, cursors and live readers let them, and what is left reads on.
source "$(dirname "$0")/common.sh"

expect 0 tidemark capture log.tide "$demo" --time author_time --lateness 100000000 --segment-size 64KiB
expect 0 tidemark replay log.tide
cp out all
segments() { find log.tide/streams/00000 -name '*.seg' | wc -l; }
before="$(segments)"

for wrong in "" "--before" "--before x" "--keep-time 7" "--keep-bytes -1" "--before 5 --keep-bytes 1 extra"; do
  # shellcheck disable=SC2086  # a command line
  expect 2 tidemark purge log.tide $wrong
done
expect 2 tidemark purge no.tide --keep-bytes 0

expect 0 tidemark purge log.tide --before 1555200000 --dry-run
says "would be purged"
grep -q "^stream 0: would purge [1-9]" out || fail "nothing would go: $(cat out)"
promised="$(sed 's/would purge/purged/' out)"
[[ "$(segments)" == "$before" ]] || fail "a dry run purged"
expect 0 tidemark purge log.tide --before 1555200000
[[ "$(cat out)" == "$promised" ]] || fail "it did something else than it said: $(cat out)"
(( $(segments) < before )) || fail "nothing went"
expect 0 tidemark verify log.tide
grep -q "purged up to position" out || fail "verify does not mention the purge"
expect 0 tidemark info log.tide
grep -q "purged up to position" out || fail "info does not mention the purge"
expect 0 tidemark replay log.tide
[[ -s out ]] && tail -c "$(wc -c < out)" all | cmp - out || fail "what is left is not the end of what was there"
expect 0 tidemark purge log.tide --keep-time 1h
grep -q "purged 0 segments" out || fail "--keep-time took what is new"
expect 0 tidemark purge log.tide --keep-bytes 1GiB
grep -q "purged 0 segments" out || fail "--keep-bytes took too much"
expect 0 tidemark purge log.tide --to-cursors
grep -q "purged 0 segments" out || fail "--to-cursors purged without a cursor"

# A live reader holds what it needs; --force tells it what is left.
expect 0 tidemark capture live.tide "$demo" "$demo" "$demo" "$demo" --segment-size 64KiB
mkfifo pipe
tidemark replay live.tide --rate 0.0001 > pipe 2> reader_err &
background=("$!")
exec 4< pipe
read -r line <&4
expect 0 tidemark purge live.tide --keep-bytes 0
grep -q "needed by a live reader" out || fail "a reader's segments went: $(cat out)"
exec 4<&-
end_background
background=()
expect 0 tidemark purge live.tide --keep-bytes 0
grep -q "purged [1-9]" out || fail "a reader that is gone holds its segments: $(cat out)"

# A cursor holds what it needs; a catalog that cannot be read stops a purge, and one that is gone does not.
expect 0 tidemark capture slow.tide "$demo" "$demo" --segment-size 64KiB
expect 0 tidemark replay slow.tide --cursor slow
expect 0 tidemark capture slow2.tide "$demo" "$demo" --segment-size 64KiB --leave-open
expect 0 tidemark replay slow2.tide --cursor slow
expect 0 tidemark capture slow2.tide "$demo" "$demo" "$demo" --segment-size 64KiB
expect 0 tidemark purge slow2.tide --keep-bytes 0
grep -q "needed by cursor slow" out || fail "a cursor's segments went: $(cat out)"
expect 0 tidemark replay slow2.tide --cursor slow
cat "$demo" "$demo" "$demo" | cmp - out || fail "the cursor did not go on after a purge"
expect 0 tidemark purge slow2.tide --to-cursors
grep -q "purged [1-9]" out || fail "--to-cursors took nothing: $(cat out)"
head -c 100000 /dev/urandom > slow.tide/catalog/data.mdb
expect 3 tidemark purge slow.tide --keep-bytes 0
says "cursors may need" "reindex"
grep -q purged out && fail "it purged without knowing the cursors"
rm -r slow.tide/catalog
expect 0 tidemark purge slow.tide --keep-bytes 0
grep -q "purged [1-9]" out || fail "a catalog that is not there stopped a purge"
[[ ! -e slow.tide/catalog ]] || fail "a purge made a catalog"
expect 0 tidemark verify slow.tide
