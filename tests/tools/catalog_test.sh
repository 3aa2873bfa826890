# Nothing but reindex opens the catalog: the read commands give the same without it and with a ruined one.
source "$(dirname "$0")/common.sh"

expect 0 tidemark capture log.tide "$demo" --workers 2 --time author_time --segment-size 64KiB --leave-open
expect 0 tidemark reindex log.tide

read_everything() {
  tidemark replay log.tide
  tidemark replay log.tide --order time --from 1550000000 --until 1555000000 --format ndjson
  tidemark tail log.tide -n 20
  tidemark cat log.tide
  tidemark info log.tide --format json
  tidemark verify log.tide --format json
}

read_everything > with 2> /dev/null
rm -r log.tide/catalog
read_everything > without 2> /dev/null
same with without "other results without a catalog"
expect 0 tidemark recover log.tide -o saved.tide
tidemark replay saved.tide | cmp - <(tidemark replay log.tide) || fail "recover needs the catalog"
[[ ! -e log.tide/catalog ]] || fail "a read command made a catalog"

mkdir log.tide/catalog
head -c 100000 /dev/urandom > log.tide/catalog/data.mdb
read_everything > ruined 2> /dev/null
same with ruined "other results with a ruined catalog"
printf '{"author_time":1600000000}\n' | expect 0 tidemark capture log.tide --time author_time

expect 3 tidemark reindex log.tide
says "set aside"
expect 0 tidemark reindex log.tide
