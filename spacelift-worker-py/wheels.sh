#!/bin/sh
# Builds and checks the wheels and the sdist: `sh wheels.sh [TARGET...]`, all targets of rust-toolchain.toml by default. What is
# built stands in target/wheels. Needs the packages of wheels-requirements.txt, which it installs into target/python/tools.
set -eu
cd "$(dirname "$0")/.."
here=spacelift-worker-py
target=${CARGO_TARGET_DIR:-$PWD/target}
tools=$target/python/tools
out=$target/wheels

say() { echo "wheels: $*" >&2; }

if ! cmp -s "$here/wheels-requirements.txt" "$tools/stamp"; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check -r "$here/wheels-requirements.txt"
    cp "$here/wheels-requirements.txt" "$tools/stamp"
fi
PATH=$tools/bin:$PATH
export PATH

# compatibility TARGET: the oldest systems that its wheel runs on
compatibility() {
    case $1 in
        *-musl) echo musllinux_1_2 ;;
        *) echo manylinux_2_17 ;;
    esac
}

# has TARGET: the standard library for it is there, or can be had
has() {
    rustc --print target-libdir --target "$1" 2>/dev/null | xargs -I{} test -d {} && return
    command -v rustup >/dev/null && rustup target add "$1" >/dev/null 2>&1
}

# name_musl ARCHITECTURE: its wheel asks for musl by the name that Alpine gives it, which every musl knows as itself
name_musl() {
    for wheel in "$out"/*musllinux*"$1".whl; do
        work=$(mktemp -d)
        python -m wheel unpack --dest "$work" "$wheel" >/dev/null
        patchelf --replace-needed libc.so "libc.musl-$1.so.1" "$work"/*/spacelift_worker/_native*.so
        rm "$wheel"
        python -m wheel pack --dest-dir "$out" "$work"/* >/dev/null
        rm -rf "$work"
    done
}

[ $# -gt 0 ] || set -- $(sed -n 's/^ *"\([a-z0-9_-]*\)",$/\1/p' "$here/rust-toolchain.toml")
rm -rf "$out"
mkdir -p "$out"
lacking=
for triple in "$@"; do
    if ! has "$triple"; then
        say "NOT BUILT: the Rust standard library for $triple cannot be had here; rustup target add $triple"
        lacking="$lacking $triple"
        continue
    fi
    say "building for $triple"
    maturin build --quiet --release --locked --zig --manifest-path "$here/Cargo.toml" --target "$triple" \
        --compatibility "$(compatibility "$triple")" --interpreter python3.11 --out "$out"
    # Interpreters without the GIL load neither that one nor each other's.
    PYO3_CONFIG_FILE=$PWD/$here/wheels-3.14t.txt maturin build --quiet --release --locked --zig --no-default-features \
        --manifest-path "$here/Cargo.toml" --target "$triple" --compatibility "$(compatibility "$triple")" \
        --interpreter python3.14t --out "$out"
    case $triple in *-musl) name_musl "${triple%%-*}" ;; esac
done

say "building the sdist"
maturin sdist --manifest-path "$here/Cargo.toml" --out "$out" >&2

python "$here/wheels_check.py" "$out"
[ -z "$lacking" ] || { say "these are missing:$lacking"; exit 1; }
