#!/bin/sh
# Compiles what has to be compiled of examples/ into target/examples, or the folder $1.
set -eu
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:-target/examples}")
mkdir -p "$out"
cargo build --locked --quiet -p ringback-client --example call
cp "${CARGO_TARGET_DIR:-target}/debug/examples/call" "$out/call-rust"
GOCACHE="$out/go-cache" GO111MODULE=off go build -o "$out/call-go" examples/call.go
mcs -warnaserror -out:"$out/Call.exe" -r:System.Net.Http.dll -r:System.Runtime.Serialization.dll examples/Call.cs
