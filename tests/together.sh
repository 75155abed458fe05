#!/bin/sh
# together.sh COMMAND...: runs commands of the shell at a time, each with its output in one piece when it has ended. Fails when one of them did.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
for command in "$@"; do
    number=$((number + 1))
    { code=0; sh -c "$command" >"$work/$number" 2>&1 || code=$?; echo $code >"$work/$number.code"; } &
done
wait
failed=0
number=0
for command in "$@"; do
    number=$((number + 1))
    cat "$work/$number"
    code=$(cat "$work/$number.code")
    [ "$code" -eq 0 ] || { echo "together: $command: exit code $code" >&2; failed=1; }
done
exit $failed
