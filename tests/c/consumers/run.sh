#!/bin/sh
# Builds and runs what uses the installed library: run.sh INSTALLED WORK, where INSTALLED has lib and include.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
installed=$1 work=$2
cp -R "$here" "$work/consumers"
cd "$work/consumers"

export PKG_CONFIG_PATH="$installed/lib/pkgconfig" LD_LIBRARY_PATH="$installed/lib"
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
# The file names the prefix at which it will be; here it is still below a folder of its own
sed -i "s|^prefix=.*|prefix=$installed|" "$installed/lib/pkgconfig/spacelift-worker.pc"

make -s -C make
./make/shared
env -u LD_LIBRARY_PATH ./make/static

cmake -S cmake -B build -DCMAKE_PREFIX_PATH="$installed" >cmake.log || { cat cmake.log; exit 1; }
cmake --build build >>cmake.log || { cat cmake.log; exit 1; }
./build/shared
env -u LD_LIBRARY_PATH ./build/static

meson setup meson build-meson >meson.log || { cat meson.log; exit 1; }
ninja -C build-meson >>meson.log || { cat meson.log; exit 1; }
./build-meson/shared
env -u LD_LIBRARY_PATH ./build-meson/static

# shellcheck disable=SC2046
"${RUSTC:-rustc}" --edition 2024 --crate-type staticlib -O two/other.rs -o libother.a
cc -std=c11 $(pkg-config --cflags spacelift-worker) two/two.c "$installed/lib/libspacelift_worker.a" libother.a \
    $(pkg-config --static --libs-only-l spacelift-worker | sed 's/-lspacelift_worker//') -o two/two
./two/two 2>/dev/null
echo "consumers: make, CMake, Meson and a second library in Rust"
