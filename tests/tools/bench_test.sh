# `tidemark bench` measures, says what it measured, and leaves nothing behind. Nothing about time is held to anything.
source "$(dirname "$0")/common.sh"

mkdir disk
cd disk
expect 0 tidemark bench --format json
mv out err ..
[[ -z "$(ls -A)" ]] || fail "left behind: $(ls -A)"
cd ..
[[ ! -s err ]] || fail "it says something: $(cat err)"
python3 - << 'PYTHON' || fail "$(cat out)"
import json

report = json.load(open("out"))
assert report["runs"] >= 3 and report["xxh3"]
figures = report["figures"]
for what in ("append", "replay, verified", "tail, spinning", "tail, sleeping", "durable append"):
    assert any(figure["what"] == what for figure in figures), what
for figure in figures:
    assert figure["tidemark"] > 0 and figure["limit"] > 0, figure
    assert abs(figure["ratio"] - figure["limit"] / figure["tidemark"]) < 1e-6 * figure["ratio"], figure
    assert figure["detail"] and figure["limit_is"] and figure["unit"].startswith("ns/"), figure
assert len({(figure["what"], figure["detail"]) for figure in figures}) == len(figures)
PYTHON

# For people, into a file; and an interrupt leaves nothing behind either.
cd disk
expect 0 tidemark bench -o table
grep -q '^append' table || fail "no table: $(cat table)"
rm table out err
code=0
timeout --preserve-status -s INT 1 tidemark bench > ../out 2> ../err || code=$?
(( code == 130 )) || fail "exit code $code after an interrupt"
[[ -z "$(ls -A)" ]] || fail "left behind after an interrupt: $(ls -A)"

# Where nothing can be written, it says so.
cd ..
if (( EUID != 0 )); then
  mkdir sealed
  chmod a-w sealed
  code=0
  (cd sealed && exec tidemark bench) > out 2> err || code=$?
  (( code == 1 )) || fail "exit code $code where nothing can be written"
  says "creating a directory in"
fi
