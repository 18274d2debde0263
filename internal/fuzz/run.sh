#!/bin/sh
# Runs every fuzz test of some packages (default: all) for a time each and ends with a table:
#   internal/fuzz/run.sh 10s ./rpc/...
# FUZZ_MATCH names the tests to run, a pattern of grep; FUZZ_PARALLEL is go test's -parallel.
# Inputs that find something new stay in the build cache and are where the next run starts; one that
# fails is written into testdata/fuzz of its package.
set -u
time=${1:-10s}
[ $# -gt 0 ] && shift
[ $# -eq 0 ] && set -- ./...
log=$(mktemp) table=$(mktemp) failed=0
trap 'rm -f "$log" "$table"' EXIT
for dir in $(${GO:-go} list -f '{{.Dir}}' "$@"); do
  for test in $(cat "$dir"/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' | grep -e "${FUZZ_MATCH:-.}"); do
    name="${dir#"$PWD"/} $test"
    echo "== $name"
    begin=$(date +%s)
    ${GO:-go} test -run '^$' -fuzz "^$test\$" -fuzztime "$time" ${FUZZ_PARALLEL:+-parallel $FUZZ_PARALLEL} "$dir" >"$log" 2>&1
    result=$?
    seconds=$(($(date +%s) - begin))
    outcome=ok
    if [ $result -ne 0 ]; then
      outcome=FAILED failed=1
      cat "$log"
    fi
    # The last line of progress: "fuzz: elapsed: 6s, execs: 39763 (3451/sec), new interesting: 24 (total: 26)".
    sed -n 's/.*execs: \([0-9]*\).*new interesting: \([0-9]*\) (total: \([0-9]*\)).*/\1 \2 \3/p' "$log" | tail -1 |
      { read -r execs new total || execs=0 new=0 total=0; echo "$name $execs $new $total $seconds $outcome"; } >>"$table"
  done
done
awk 'BEGIN { printf "\n%-22s %-40s %12s %8s %8s %8s\n", "package", "target", "execs", "new", "corpus", "seconds" }
     { printf "%-22s %-40s %12d %8d %8d %8d%s\n", $1, $2, $3, $4, $5, $6, $7 == "ok" ? "" : "  " $7; n++; execs += $3; new += $4; corpus += $5; seconds += $6 }
     END { printf "%-22s %-40s %12d %8d %8d %8d\n", "all", n " targets", execs, new, corpus, seconds }' "$table"
exit $failed
