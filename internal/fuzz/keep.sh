#!/bin/sh
# Copies inputs that fuzzing found interesting from the build cache into testdata/fuzz of their
# packages, the smallest of each test, so that every `go test` runs them:
#   internal/fuzz/keep.sh ./rpc/...
# KEEP is how many per test (default 40), KEEP_BYTES how large one may be (default 2048).
set -eu
[ $# -eq 0 ] && set -- ./...
cache=$(${GO:-go} env GOCACHE)/fuzz
${GO:-go} list -f '{{.ImportPath}} {{.Dir}}' "$@" | while read -r path dir; do
  for test in $(cat "$dir"/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p'); do
    [ -d "$cache/$path/$test" ] || continue
    mkdir -p "$dir/testdata/fuzz/$test"
    find "$cache/$path/$test" -type f -size -"${KEEP_BYTES:-2048}"c -printf '%s %p\n' | sort -n | head -n "${KEEP:-40}" |
      while read -r _ file; do cp "$file" "$dir/testdata/fuzz/$test/"; done
  done
done
