# Runs the examples in the directory $1, and compares what they print.

examples="$1"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

expect() { diff -u "$1" - || { echo "^ $2" >&2; exit 1; }; }

for n in {0..9}; do echo "replayed: $n"; done > once
for n in {0..9}; do for sender in 1 2 3; do echo "replayed: $n"; done; done > thrice

"$examples/capture_link" | expect once capture_link
"$examples/capture_tcp" | expect once capture_tcp
echo "time 0: 0 1 2 3 4 5 6 7 8 9" > extracted
"$examples/extract" | expect extracted extract

# Two processes: three workers send, two replay.
"$examples/capture_recv" 3 2 > received &
receiver=$!
for _ in {1..200}; do
  grep -q '^port: ' received && break
  sleep 0.05
done
"$examples/capture_send" "$(sed -n 's/^port: //p' received)" 3
wait "$receiver"
grep -v '^port: ' received | sort | expect thrice capture_recv

# A sender that is gone before its end: the receiver says so and fails.
"$examples/capture_recv" 1 1 > received 2> complaint &
receiver=$!
for _ in {1..200}; do
  grep -q '^port: ' received && break
  sleep 0.05
done
exec 3<> "/dev/tcp/127.0.0.1/$(sed -n 's/^port: //p' received)"
exec 3>&-
if wait "$receiver"; then
  echo "capture_recv took a connection that was cut for an end" >&2
  exit 1
fi
grep -q 'cut at byte 0' complaint || { cat complaint >&2; exit 1; }

for n in {0..4}; do for worker in 1 2; do echo "$n at time 0"; done; done > numbers
"$examples/readme" | sort | expect numbers readme
