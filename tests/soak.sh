#!/bin/sh
# soak.sh SECONDS SEED: the whole system under faults, in a folder of its own, which is kept when something did not hold.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
chmod 755 "$folder"
if TMPDIR=$folder target/debug/examples/soak --seconds "$1" --seed "$2" 2>"$folder/schedule"; then
    rm -r "$folder"
else
    echo "what everybody wrote, and the schedule, stand in $folder" >&2
    exit 1
fi
