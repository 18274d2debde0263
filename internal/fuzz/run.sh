#!/bin/sh
# Runs every fuzz test of some packages (default: all) for a time each and ends with a table, also when
# it is interrupted:
#   internal/fuzz/run.sh 10s ./rpc/...
# FUZZ_MATCH names the tests to run, a pattern of grep; FUZZ_PARALLEL is go test's -parallel.
# Inputs that find something new stay in the build cache and are where the next run starts; one that
# fails is written into testdata/fuzz of its package.
set -u
time=${1:-10s}
[ $# -gt 0 ] && shift
[ $# -eq 0 ] && set -- ./...
go=${GO:-go}
cache=$($go env GOCACHE)/fuzz
scratch=$(mktemp -d) failed=0
log=$scratch/log table=$scratch/table
: >"$table"

summary() {
  awk 'BEGIN { printf "\n%-20s %-38s %12s %6s %7s %8s\n", "package", "target", "execs", "new", "inputs", "seconds" }
       { printf "%-20s %-38s %12d %6d %7d %8d%s\n", $1, $2, $3, $4, $5, $6, $7 == "ok" ? "" : "  " $7; n++; execs += $3; new += $4; inputs += $5; seconds += $6 }
       END { printf "%-20s %-38s %12d %6d %7d %8d\n", "all", n " targets", execs, new, inputs, seconds }' "$table"
  rm -rf "$scratch"
}
trap summary EXIT
trap 'exit 1' INT TERM

# report adds a line to the table. The last line of progress of a fuzz test is
# "fuzz: elapsed: 6s, execs: 39763 (3451/sec), new interesting: 24 (total: 26)".
report() {
  figures=$(sed -n 's/.*execs: \([0-9]*\).*new interesting: \([0-9]*\) (total: \([0-9]*\)).*/\1 \2 \3/p' "$log" | tail -1)
  echo "$1 ${figures:-0 0 0} $2 $3" >>"$table"
}

# fuzz DIR IMPORTPATH TEST runs one test of the package whose test binary was built last.
fuzz() {
  cd "$1" && "$scratch/fuzz.test" -test.run '^$' -test.fuzz "^$3\$" -test.fuzztime "$time" -test.fuzzcachedir "$cache/$2" \
    ${FUZZ_PARALLEL:+-test.parallel $FUZZ_PARALLEL}
}

# ended reports whether a test failed for nothing but that its time was over while it was at work, which
# the fuzzing engine sometimes calls a failure.
ended() {
  grep -q '^ *context deadline exceeded' "$log" && ! grep -q -e 'Failing input' -e 'panic:' -e '_test.go:' "$log"
}

list=$($go list -f '{{.Dir}}:{{.ImportPath}}' "$@") || exit 1
for package in $list; do
  dir=${package%%:*} path=${package#*:}
  tests=$(cat "$dir"/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' | grep -e "${FUZZ_MATCH:-.}")
  [ -n "$tests" ] || continue
  if ! $go test -c -fuzz=. -o "$scratch/fuzz.test" "$dir"; then
    failed=1
    continue
  fi
  for test in $tests; do
    name="${dir#"$PWD"/} $test"
    echo "== $name"
    begin=$(date +%s) outcome=ok
    if ! (fuzz "$dir" "$path" "$test") >"$log" 2>&1 && ! ended; then
      outcome=FAILED failed=1
      cat "$log"
    fi
    report "$name" $(($(date +%s) - begin)) $outcome
  done
done
exit $failed
