#!/bin/sh
# The table of table.py, with what `make bench-bindings` has built.
set -eu
cd "$(dirname "$0")/../.."
target=$PWD/${CARGO_TARGET_DIR:-target}
library=$target/release/examples
cc -O2 -std=gnu11 -Iinclude spacelift-worker-ffi/benches/bench.c -L"$library" -Wl,-rpath,"$library" -lspacelift_worker \
    -o "$target/release/bench-c"
cd spacelift-worker-ffi/benches/go
# The tag links the library of development; the flags put the optimised one before it
CGO_LDFLAGS="-O2 -g -L$library -Wl,-rpath,$library" GOTOOLCHAIN=local GOPROXY=off \
    "${SLW_GO:-go}" build -buildvcs=false -tags slw_dev -o "$target/release/bench-go" .
cd ../../..
LD_LIBRARY_PATH="$library" PYTHONPATH=$PWD/benches/hosts exec "${SLW_PYTHON:-.venv/bin/python}" spacelift-worker-ffi/benches/table.py \
    "$library/boundary" "$target/release/bench-c" "$target/release/bench-go" "$target/performance/bindings.md"
