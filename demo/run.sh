#!/bin/sh
# The whole system on this machine: a control plane, a pool of two workers, and a run through plan, confirmation and
# apply, where one worker plans and another applies. Everything it writes stands below ./.demo.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
work=$root/.demo
bin=${CARGO_TARGET_DIR:-$root/target}/debug
step=starting
pids=

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
note() { printf '   %s\n' "$*"; }
begin() { step=$1; say "$1"; }

finish() {
    code=$?
    trap - EXIT INT TERM
    for pid in $pids; do kill "$pid" 2>/dev/null || :; done
    for pid in $pids; do wait "$pid" 2>/dev/null || :; done
    if [ "$code" -ne 0 ]; then
        printf '\nThe demo failed while it was %s (exit code %s).\n' "$step" "$code" >&2
        for log in "$work"/*.log; do
            [ -s "$log" ] && printf '\n-- the end of %s\n' "$log" >&2 && tail -n 15 "$log" >&2
        done
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# wait_until SECONDS WHAT COMMAND...
wait_until() {
    left=$(($1 * 5)); what=$2; shift 2
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then echo "waited in vain for $what" >&2; return 1; fi
        sleep 0.2
    done
}

mothership() { "$bin/mothership" --data "$work/data" "$@"; }

begin "building (a first build takes some minutes)"
cargo build --quiet --package spacelift-mothership --package spacelift-worker-core --examples --bins --features spacelift-worker-core/docker

rm -rf "$work"
mkdir -p "$work/site"

begin "making the pool's private key and a certificate signing request; the key never leaves this machine"
"$bin/examples/keygen" "$work/pool.key" "$work/pool.csr"
note "$work/pool.key (RSA-4096), $work/pool.csr"

begin "starting the control plane"
"$bin/mothership" --data "$work/data" serve --listen 127.0.0.1:0 --mqtt-listen 127.0.0.1:0 \
    >"$work/mothership.log" 2>&1 &
mothership_pid=$!
pids="$pids $mothership_pid"
wait_until 30 "the control plane" mothership pool list
note "it listens on loopback, with a certificate authority of its own"

begin "creating a worker pool and a stack"
mothership pool create --name demo --csr "$work/pool.csr" --description "two workers on this machine" \
    --label demo --token-out "$work/pool.token"
mothership stack create --name site --pool demo --source demo/site \
    --plan ./plan.sh --apply ./apply.sh --env SITE_VERSION=1 --env SITE_TARGET="$work/site"

SPACELIFT_TOKEN=$(cat "$work/pool.token")
SPACELIFT_POOL_PRIVATE_KEY=$(base64 <"$work/pool.key" | tr -d '\n')
SITE_PASSWORD=correct-horse-battery-staple
export SPACELIFT_TOKEN SPACELIFT_POOL_PRIVATE_KEY SITE_PASSWORD
export SPACELIFT_WHITELIST_ENVS=SITE_PASSWORD SPACELIFT_MASK_ENVS=SITE_PASSWORD
export SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY=$root/demo/policy.rego
export SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED=true
export SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS=127.0.0.1

begin "starting two launchers, each a process of its own"
for n in 1 2; do
    SPACELIFT_METADATA_name=launcher-$n SPACELIFT_WORKER_STATE_DIR=$work/launcher-$n \
        "$bin/examples/launcher" >"$work/launcher-$n.log" 2>"$work/launcher-$n.err.log" &
    eval "launcher_$n=\$!"
    pids="$pids $!"
done
idle_workers() { [ "$(mothership worker list demo --json | grep -o '"IDLE"' | wc -l)" -eq "$1" ]; }
wait_until 30 "two idle workers" idle_workers 2
mothership worker list demo

begin "triggering a tracked run"
run=$(mothership run trigger site --title "Deploy the site" --json | cut -d '"' -f 4)
note "run $run; its states and what it prints follow, as they come:"
mothership run logs "$run" --follow --states &
pids="$pids $!"
mothership run wait "$run" --state UNCONFIRMED --timeout 120
sleep 1
note "the plan is there, and the run waits for a confirmation. Its history:"
mothership run show "$run"

begin "looking at what the policy saw"
grep -h '"msg":"Sample ' "$work"/launcher-*.err.log | head -n 1 | cut -c 1-300 | sed 's/^/   /'
note "(cut here; the whole input stands in the launcher's log)"

begin "looking at the workspace that waits in storage"
sealed=$(grep -rl 'spacelift-worker/sealed' "$work/data/blobs" | xargs grep -l '"purpose":"workspace"' | head -n 1)
head -n 1 "$sealed" | sed -e 's/"\(kid\|key\|signer\)":"[^"]*"/"\1":"…"/g' -e 's/^/   /'
if grep -rqF "$SITE_PASSWORD" "$work/data" "$work"/launcher-*.log "$work"/*.err.log; then
    echo "the password stands in clear in storage or in a log" >&2
    exit 1
fi
note "only its header can be read; the password is nowhere in the database, the storage or the logs"

begin "stopping the launcher that planned"
# Whoever planned has the run's output on its standard output.
if [ -s "$work/launcher-1.log" ]; then
    stopped=$launcher_1; stopped_name=launcher-1; other=$launcher_2
else
    stopped=$launcher_2; stopped_name=launcher-2; other=$launcher_1
fi
kill -TERM "$stopped"
wait "$stopped" && note "$stopped_name said goodbye and ended with exit code 0"
wait_until 10 "one idle worker" idle_workers 1

begin "confirming: the other launcher fetches, verifies and opens the sealed workspace, and applies it"
mothership run confirm "$run" --metadata "confirmed by the demo"
mothership run wait "$run" --state FINISHED --timeout 120
sleep 1
mothership run show "$run"
grep -q 'password = correct-horse-battery-staple' "$work/site/status.conf"
note "the site is deployed: $(ls "$work/site" | tr '\n' ' ')"

begin "cycling the pool: the remaining launcher gets the signal to end"
mothership pool cycle demo --yes
code=0
wait "$other" || code=$?
[ "$code" -eq 4 ] || { echo "the launcher ended with exit code $code instead of 4" >&2; exit 1; }
note "it ended with exit code 4, which stands for a cycled pool"

say "Done"
note "planned by $stopped_name, confirmed, applied by the other launcher; the pool is empty now"
note "nobody in between could read the workspace, and the password reached no log, database or storage"
note "what was written stands in $work"
