#!/bin/sh
# Regenerates gen-go from the IDL files here. Needs the thrift compiler (Debian: thrift-compiler).
# The special types of dsn.thrift are hand-written in gen-go/base and never overwritten.
set -eu
cd "$(dirname "$0")/.."
command -v thrift >/dev/null || { echo "thrift compiler not found: apt-get install thrift-compiler" >&2; exit 1; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for file in idl/*.thrift; do
	[ "$file" = idl/dsn.thrift ] && continue
	thrift -I idl -out "$out" --gen go:package_prefix=github.com/pegasus-go/pegasus/gen-go/,skip_remote "$file"
done
for dir in "$out"/*/; do
	name=$(basename "$dir")
	rm -rf "gen-go/$name"
	cp -r "$dir" "gen-go/$name"
done
gofmt -w $(find gen-go -name '*.go' -not -path 'gen-go/base/*')
