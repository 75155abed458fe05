# The commands a person types. CI calls the same ones.

DENY_VERSION := 0.20.2
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/spacelift-worker
DENY := $(TOOLS)/cargo-deny-$(DENY_VERSION)/bin/cargo-deny
FUZZ_VERSION := 0.13.2
FUZZ := $(TOOLS)/cargo-fuzz-$(FUZZ_VERSION)/bin/cargo-fuzz

# A tool and a provider of it, for `make opentofu`
TOFU_VERSION := 1.10.6
TOFU_PROVIDER := 0.12.1
TOFU := $(TOOLS)/opentofu-$(TOFU_VERSION)

# Seconds for each fuzz target, and which of them
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

# Length of the stream that `make sparse` seals and opens
SPARSE_BYTES ?= 21474836480

# Workers of `make bench-workers`
WORKERS ?= 2000

# Tests of whole systems at a time
WAITING ?= 4

# How long faults go on in `make soak`, and what they are drawn from
SOAK_SECONDS ?= 1800
SOAK_SEED ?= 1

# Where the tests find what tests/setup.sh installs. With SLW_REQUIRE_ALL, a test whose program is missing fails
export SLW_PYTHON ?= $(CURDIR)/.venv/bin/python
export SLW_ANSIBLE_PLAYBOOK ?= $(CURDIR)/.venv/bin/ansible-playbook
export SLW_GO ?= $(firstword $(wildcard /usr/local/go/bin/go) $(CURDIR)/.venv/bin/go)
export SLW_HAPROXY ?= $(firstword $(wildcard /usr/local/sbin/haproxy /usr/sbin/haproxy /opt/homebrew/sbin/haproxy) /usr/sbin/haproxy)
export SLW_MOSQUITTO ?= $(firstword $(wildcard /usr/local/sbin/mosquitto /usr/sbin/mosquitto /opt/homebrew/sbin/mosquitto) /usr/sbin/mosquitto)
export SLW_OPENSSL ?= $(or $(shell command -v openssl),/usr/bin/openssl)

# Floors 0 to 3 of the core, in Rust alone
PURE := -p spacelift-worker-core --no-default-features --features pure-rust

# The kinds of the arguments and results of Open Policy Agent's functions
SIGNATURES := spacelift-worker-core/src/policy/builtins/signatures.txt

MODEL := target/release/spacelift-worker-model

# In this order, one at a time: what is quick to tell comes first, and all of them share one target folder
.NOTPARALLEL:
.PHONY: help opentofu python wheels bench-python bench-mask demo mask-streams bench-policy policy-oracle policy-signatures test setup fmt lint docs pure deny \
    advisories fuzz bench bench-tables bench-workers model pair soak sparse capi capi-test sanitize miri bench-bindings

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## a control plane and two workers on this machine take a run from plan to apply
	@sh demo/run.sh

test: setup fmt lint docs pure deny ## everything down to deny, all tests, and two minutes of faults
	cargo build --workspace --lib --bins --examples --locked --quiet
	SLW_REQUIRE_ALL=1 cargo test --workspace --locked --quiet --lib --bins
	@# Tests of whole systems mostly wait for them
	SLW_REQUIRE_ALL=1 RUST_TEST_THREADS=$(WAITING) cargo test --workspace --locked --quiet --no-fail-fast --test '*'
	SLW_REQUIRE_ALL=1 cargo test --workspace --locked --quiet --doc
	cargo test --workspace --locked --quiet --bench '*' >/dev/null
	@# Who is tried by faults mostly waits
	@sh tests/together.sh "$(MAKE) --no-print-directory python" "sh tests/soak.sh 120 7"

# With the examples, so that dependencies are built with the features of the tests, once
python: ## the Python package: its types and its tests
	cargo build --workspace --lib --bins --examples --locked --quiet
	@sh spacelift-worker-py/tests/run.sh

setup: ## install what the tests need and this machine lacks
	@sh tests/setup.sh tools

fmt: ## formatting, checked
	cargo fmt --all --check

lint: ## clippy, warnings are errors
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

# With the examples, so that dependencies have the features that `lint` has looked at
docs: ## documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet --lib --bins --examples

pure: ## floors 0 to 3 in Rust alone: no C compiler, no runtime, no network; and their tests with that backend
	@cargo check -p spacelift-worker-core --no-default-features --locked --quiet 2>&1 \
	    | grep -q 'needs a backend of cryptography' || { echo "the core must ask for a backend of cryptography"; exit 1; }
	@if cargo tree $(PURE) --edges normal,build --prefix none --locked \
	    | grep -E '^(tokio|mio|socket2|cmake|bindgen|pkg-config|[a-z0-9_-]+-sys) '; then \
	    echo "the core in Rust alone must not depend on these"; exit 1; fi
	@# One crate asks cc where Microsoft's compiler is, and compiles nothing
	@if cargo tree $(PURE) --edges normal,build --prefix none --locked --invert cc --depth 1 \
	    | grep -vE '^(cc|msvc_spectre_libs_build) |^\[|^$$'; then echo "these compile C"; exit 1; fi
	@if cargo tree -p spacelift-worker-core --edges normal,build --prefix none --locked | grep -E '^(rsa|aes-gcm) '; then \
	    echo "these belong to the feature pure-rust alone"; exit 1; fi
	CC=/bin/false CXX=/bin/false AR=/bin/false cargo clippy $(PURE) --locked --quiet -- -D warnings
	CC=/bin/false CXX=/bin/false AR=/bin/false cargo test $(PURE) --locked --quiet --lib -- crypto:: envelope:: pool::
	CC=/bin/false CXX=/bin/false AR=/bin/false cargo test $(PURE) --locked --quiet --test envelope_vectors --test pool_keys

deny: $(DENY) ## dependencies: bans, licences, sources
	$(DENY) --all-features --log-level error check --hide-inclusion-graph bans licenses sources

advisories: $(DENY) ## dependencies: known vulnerabilities; needs the database on the network
	$(DENY) --all-features check advisories

$(DENY):
	@sh tests/setup.sh deny $(DENY_VERSION) $(TOOLS)/cargo-deny-$(DENY_VERSION)

fuzz: $(FUZZ) ## invents bytes for FUZZ_TARGETS, FUZZ_SECONDS each; what it finds stands in fuzz/artifacts
	@for target in $(FUZZ_TARGETS); do \
	    mkdir -p fuzz/target/corpus/$$target; \
	    RUSTC_BOOTSTRAP=1 $(FUZZ) run --fuzz-dir fuzz $$target fuzz/target/corpus/$$target fuzz/corpus/$$target -- \
	        -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=30 -rss_limit_mb=4096 -print_final_stats=1 || exit 1; \
	done

$(FUZZ):
	@sh tests/setup.sh fuzz $(FUZZ_VERSION) $(TOOLS)/cargo-fuzz-$(FUZZ_VERSION)

bench: bench-tables ## how fast, each beside its rival; details stand in target/criterion
	cargo bench -p spacelift-worker-benches --locked --bench envelope --bench mask --bench policy

bench-tables: ## tables of figures and the bars they hold, in target/performance; 10 minutes of a quiet machine
	cargo bench -p spacelift-worker-benches --locked --bench sealing_table

sparse: ## memory of sealing and opening: SPARSE_BYTES (20 GiB) as a stream, a tenth of that file to file
	cargo build --release --locked --quiet -p spacelift-worker-core --no-default-features --features aws-lc,files --example constant_memory
	target/release/examples/constant_memory stream $(SPARSE_BYTES)
	folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT && \
	    target/release/examples/constant_memory files $$(( $(SPARSE_BYTES) / 10 )) "$$folder"

pair: ## session and control plane over a hundred thousand bad networks, under virtual time
	SLW_PAIR_CASES=100000 cargo test --release -p spacelift-worker-core --locked --lib -- protocol::session::tests::pair

model: ## small worlds on the real code of both ends: some to their last state, each with all its faults as far as time allows
	cargo build --release --locked --quiet -p spacelift-worker-model
	@# A message lost, one that comes twice, a crash, and any order, all in one world and to the last state
	$(MODEL) --states 200000000 small delays=0
	$(MODEL) --states 200000000 two-workers delays=0 ticks=1
	$(MODEL) --states 200000000 two-runs delays=0 ticks=0
	$(MODEL) --states 2000000 two-workers two-runs drain cycle stop link
	$(MODEL) --states 20000000 wide turns=4

bench-workers: ## many workers in one process over mutual TLS: how fast, how much memory, what they cost at rest
	cargo build --release --locked --quiet -p spacelift-mothership --bin mothership
	cargo build --release --locked --quiet -p spacelift-worker-tests --example many_workers
	ulimit -n 20000 && target/release/examples/many_workers $(WORKERS)

opentofu: setup ## OpenTofu, built from the Go registry once, plans on one worker and applies on another with a cache of providers; takes root
	@sh tests/setup.sh opentofu $(TOFU_VERSION) $(TOFU_PROVIDER) $(TOFU)
	cargo build --workspace --lib --bins --examples --locked --quiet
	SLW_REQUIRE_ALL=1 SLW_OPENTOFU=$(TOFU) cargo test --workspace --locked --quiet --test opentofu

bench-docker: ## what a container costs, as a table, beside `docker run` on the same Engine; takes root
	cargo build --release --locked --quiet -p spacelift-mothership -p spacelift-worker-core -p spacelift-worker-tests \
	    --features spacelift-worker-core/docker --bin mothership --example launcher --example docker_bench
	target/release/examples/docker_bench

soak: ## the whole system under faults for SOAK_SECONDS with SOAK_SEED; what held, as a table
	cargo build --workspace --bins --examples --locked --quiet
	@sh tests/soak.sh $(SOAK_SECONDS) $(SOAK_SEED)

bench-mask: ## how fast masking is, as a table, on a log of SLW_MASK_MIB (200)
	cargo bench -p spacelift-worker-benches --locked --bench mask_table

policy-oracle: ## every policy of the corpus on every mutation of its inputs, beside Open Policy Agent; needs Go
	SLW_REQUIRE_ALL=1 SLW_POLICY_STEP=1 cargo test --workspace --locked --quiet --test policy_oracle -- --nocapture

bench-policy: ## how fast a policy decides, as a table, beside Open Policy Agent; needs Go
	cargo bench -p spacelift-worker-benches --locked --bench policy_table

policy-signatures: ## what Open Policy Agent's functions take and give, made anew for the worker's own checks
	cd tests/go/policy && echo '{"signatures": {}}' | $(SLW_GO) run . | $(SLW_PYTHON) -c \
	    'import json, sys; print(json.load(sys.stdin)["text"], end="")' >../../../$(SIGNATURES)

mask-streams: ## a million random streams through the masker and its reference, optimised
	SLW_MASK_STREAMS=334000 cargo test --release -p spacelift-worker-core --locked --test masking random

wheels: ## wheels of the Python package for old and new Linux on two processors, and its sdist, each checked, in target/wheels
	@sh spacelift-worker-py/wheels.sh

bench-python: ## what a call from Python costs, beside the Rust call and Python's cryptography, as a table in target/performance
	cargo build --release --locked --quiet -p spacelift-worker-py --lib --example boundary
	@sh spacelift-worker-py/benches/run.sh

# The C library goes below $(DESTDIR)$(PREFIX)
PREFIX ?= /usr/local
DESTDIR ?=

capi: ## the C library: shared, static, header, pkg-config and CMake, installed below DESTDIR and PREFIX (/usr/local)
	cargo rustc --locked --quiet -p spacelift-worker-ffi --lib --profile capi --crate-type cdylib,staticlib -- \
	    -C link-arg=-Wl,-soname,libspacelift_worker.so.0.1
	@sh spacelift-worker-ffi/capi.sh "$(DESTDIR)" "$(PREFIX)"

capi-test: ## the same into a folder of its own, and what uses it from there: make, CMake, Meson, a second library in Rust
	@work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && \
	    $(MAKE) --no-print-directory capi DESTDIR="$$work" PREFIX=/usr && \
	    sh tests/c/consumers/run.sh "$$work/usr" "$$work"

sanitize: setup ## the C and Go tests under AddressSanitizer, UndefinedBehaviorSanitizer, Valgrind, and Go's race detector
	cargo build --workspace --bins --examples --locked --quiet
	SLW_REQUIRE_ALL=1 SLW_C_TOOL=sanitizers \
	    SLW_C_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" \
	    cargo test --workspace --locked --quiet --test c_hosts
	@# Valgrind takes three seconds for a fork
	SLW_REQUIRE_ALL=1 SLW_C_TOOL=valgrind SLW_C_FLAGS=-DCHECK_FORKS=4 \
	    SLW_C_RUNNER="valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --suppressions=$(CURDIR)/tests/c/valgrind.supp" \
	    cargo test --workspace --locked --quiet --test c_hosts -- --skip launcher --skip installed
	SLW_REQUIRE_ALL=1 SLW_GO_TEST_FLAGS="-race" cargo test --workspace --locked --quiet --test go_hosts -- the_tests_of_the_package
	SLW_REQUIRE_ALL=1 GOEXPERIMENT=cgocheck2 cargo test --workspace --locked --quiet --test go_hosts -- the_tests_of_the_package
	SLW_REQUIRE_ALL=1 SLW_GO_TEST_FLAGS="-asan" cargo test --workspace --locked --quiet --test go_hosts -- the_tests_of_the_package

miri: ## the boundary of the C ABI under Miri, with the backend in Rust alone; needs a nightly toolchain with miri
	cargo +nightly miri test -p spacelift-worker-ffi --locked --no-default-features --features pure-rust,test-hooks --lib

bench-bindings: ## what a call from C and from Go costs, beside the Rust call, as a table in target/performance
	cargo build --release --locked --quiet -p spacelift-worker-py --example boundary
	cargo build --release --locked --quiet -p spacelift-worker-ffi --examples
	@sh spacelift-worker-ffi/benches/run.sh
