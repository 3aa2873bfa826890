# The block of C++ in README.md is tests/examples/readme.cc between its marks.

root="$1"
diff -u \
  <(sed -n '/^\/\/ begin$/,/^\/\/ end$/p' "$root/tests/examples/readme.cc" | sed '1d;$d') \
  <(sed -n '/^```cpp$/,/^```$/p' "$root/README.md" | sed '1d;$d')
