#!/bin/sh
# Installs the C library: capi.sh DESTDIR PREFIX. Called by `make capi`, which builds it first.
#
#   lib/libspacelift_worker.so.0.1.0, with links   exports what the header has, and nothing else
#   lib/libspacelift_worker.a                      one object of which the same names alone are global: two libraries in Rust in one
#                                                  program would else have the runtime of Rust twice
#   include/spacelift/worker.h
#   lib/pkgconfig/spacelift-worker.pc, lib/cmake/SpaceliftWorker/
set -eu
cd "$(dirname "$0")/.."

destdir=$1 prefix=$2
built=${CARGO_TARGET_DIR:-target}/capi name=libspacelift_worker_ffi
# Tests install the library that was built beside them, which is neither small nor named
if [ -n "${SLW_CAPI_DEV:-}" ]; then built=$SLW_CAPI_DEV name=libspacelift_worker; fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
minor=${version%.*}
root=$destdir$prefix
# What a program has to link beside the archive
native="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

fail() { echo "capi: $*" >&2; exit 1; }

mkdir -p "$root/lib/pkgconfig" "$root/lib/cmake/SpaceliftWorker" "$root/include/spacelift"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The names of the header, which are those of the manifest
sed -n 's/.*[ *]\(slw_[a-z0-9_]*\)(.*);$/\1/p' abi/v1.txt | grep -v '^slw_.*_fn$' | sort -u >"$work/header"

# A call that panics on purpose is in the tests' library alone
own() { grep -v '^slw_test_'; }

# The shared library
strip --strip-unneeded -o "$work/so" "$built/$name.so"
nm -D --defined-only "$work/so" | awk '{print $3}' | own | sort >"$work/exports"
diff "$work/header" "$work/exports" >&2 || fail "the exports are not the header's"
readelf -d "$work/so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$work/needed"
if grep -vE '^(libc|libm|libgcc_s|ld-linux-[a-z0-9-]*)\.so\.[0-9]+$' "$work/needed" >&2; then fail "needs more than the system's own"; fi
[ -n "${SLW_CAPI_DEV:-}" ] || readelf -d "$work/so" | grep -q "(SONAME).*\[libspacelift_worker\.so\.$minor\]" || fail "has another SONAME"
install -m 755 "$work/so" "$root/lib/libspacelift_worker.so.$version"
ln -sf "libspacelift_worker.so.$version" "$root/lib/libspacelift_worker.so.$minor"
ln -sf "libspacelift_worker.so.$minor" "$root/lib/libspacelift_worker.so"

# The archive: what the exports reach, linked into one object, in which the rest becomes local. Groups go, since a linker would
# drop another library's copy of a group for ours, whose names it cannot see
# shellcheck disable=SC2046
ld -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$work/exports") \
    -o "$work/all.o" "$built/$name.a"
objcopy --keep-global-symbols="$work/exports" --strip-unneeded \
    --remove-section=.llvmbc --remove-section=.llvmcmd "$work/all.o" "$work/spacelift_worker.o"
nm -g --defined-only "$work/spacelift_worker.o" | awk '{print $3}' | sort >"$work/globals"
diff "$work/header" "$work/globals" >&2 || fail "the globals of the archive are not the header's"
rm -f "$root/lib/libspacelift_worker.a"
ar rcs "$root/lib/libspacelift_worker.a" "$work/spacelift_worker.o"

# Measured 14.0 MB and 24.7 MB on x86-64, when a stripped copy of each was made with rustc 1.95
for bound in "libspacelift_worker.so.$version 16000000" "libspacelift_worker.a 28000000"; do
    file=$root/lib/${bound% *} most=${bound#* }
    size=$(wc -c <"$file")
    [ -n "${SLW_CAPI_DEV:-}" ] || [ "$size" -le "$most" ] || fail "$file has $size bytes, more than $most"
    echo "capi: ${bound% *}: $size bytes (at most $most)"
done

install -m 644 include/spacelift/worker.h "$root/include/spacelift/worker.h"
cat >"$root/lib/pkgconfig/spacelift-worker.pc" <<END
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: spacelift-worker
Description: Private workers for infrastructure-as-code
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lspacelift_worker
Libs.private: $native
END
cat >"$root/lib/cmake/SpaceliftWorker/SpaceliftWorkerConfigVersion.cmake" <<END
set(PACKAGE_VERSION "$version")
# Before 1.0 another minor version is another interface
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION OR NOT "\${PACKAGE_FIND_VERSION_MAJOR}.\${PACKAGE_FIND_VERSION_MINOR}" STREQUAL "$minor")
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
    if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
        set(PACKAGE_VERSION_EXACT TRUE)
    endif()
endif()
END
cat >"$root/lib/cmake/SpaceliftWorker/SpaceliftWorkerConfig.cmake" <<'END'
# SpaceliftWorker::shared and SpaceliftWorker::static; SpaceliftWorker::worker is the shared one
get_filename_component(_slw_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET SpaceliftWorker::shared)
    add_library(SpaceliftWorker::shared SHARED IMPORTED)
    set_target_properties(SpaceliftWorker::shared PROPERTIES
        IMPORTED_LOCATION "${_slw_prefix}/lib/libspacelift_worker.so"
        INTERFACE_INCLUDE_DIRECTORIES "${_slw_prefix}/include")
    add_library(SpaceliftWorker::static STATIC IMPORTED)
    set_target_properties(SpaceliftWorker::static PROPERTIES
        IMPORTED_LOCATION "${_slw_prefix}/lib/libspacelift_worker.a"
        INTERFACE_INCLUDE_DIRECTORIES "${_slw_prefix}/include"
        INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c")
    add_library(SpaceliftWorker::worker INTERFACE IMPORTED)
    set_target_properties(SpaceliftWorker::worker PROPERTIES INTERFACE_LINK_LIBRARIES SpaceliftWorker::shared)
endif()
unset(_slw_prefix)
END
