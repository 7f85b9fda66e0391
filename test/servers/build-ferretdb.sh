#!/bin/sh
# Builds the MongoDB-compatible server of the tests, once: FerretDB 1.24 with its SQLite back end, in pure Go.
# Prints the path of the binary. The binary and Go's own files stay outside the checkout, in ~/.cache/logd-tests.
set -eu
cd "$(dirname "$0")/ferretdb"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/logd-tests"
key=$(cat go.mod go.sum main.go | sha256sum | cut -c1-16)
binary="$cache/ferretdb-$key"
if [ ! -x "$binary" ]; then
  go=$(command -v go || true)
  [ -n "$go" ] || go=/usr/local/go/bin/go
  [ -x "$go" ] || { echo 'Go is not installed, and there is no mongod' >&2; exit 3; }
  mkdir -p "$cache"
  CGO_ENABLED=0 "$go" build -trimpath -buildvcs=false -ldflags='-s -w' -o "$binary.$$" . >&2
  mv "$binary.$$" "$binary"
fi
echo "$binary"
