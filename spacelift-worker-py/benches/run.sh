#!/bin/sh
# The table of benches/table.py, with what `make bench-python` has built.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
site=$target/python/release
rm -rf "$site"
mkdir -p "$site"
cp -R spacelift-worker-py/python/spacelift_worker "$site/"
cp "$target/release/lib_native.so" "$site/spacelift_worker/_native.abi3.so"
PYTHONPATH=$site:$PWD/benches/hosts exec "${SLW_PYTHON:-.venv/bin/python}" spacelift-worker-py/benches/table.py \
    "$target/release/examples/boundary" "$target/performance/python.md"
