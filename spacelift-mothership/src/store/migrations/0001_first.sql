-- Times are Unix milliseconds. Lists and records without a life of their own are JSON texts.

CREATE TABLE pools (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    labels TEXT NOT NULL,
    space TEXT NOT NULL,
    drift_detection_run_limit BIGINT NOT NULL DEFAULT -1,
    csr TEXT NOT NULL,
    certificate TEXT NOT NULL,
    certificate_serial TEXT NOT NULL,
    certificate_fingerprint TEXT NOT NULL,
    lease_generation BIGINT NOT NULL DEFAULT 1,
    lease_counter BIGINT NOT NULL DEFAULT 0,
    cmd_seq BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX pools_by_name ON pools (name) WHERE deleted_at IS NULL;

CREATE TABLE revoked_certificates (
    serial TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    pool TEXT NOT NULL REFERENCES pools (id),
    revoked_at BIGINT NOT NULL
);

CREATE TABLE stacks (
    slug TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    space TEXT NOT NULL,
    labels TEXT NOT NULL,
    pool TEXT NOT NULL REFERENCES pools (id),
    is_module BOOLEAN NOT NULL,
    auto_deploy BOOLEAN NOT NULL,
    branch TEXT NOT NULL,
    project_root TEXT NOT NULL,
    runner_image TEXT NOT NULL,
    workflow TEXT NOT NULL,
    hooks TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX stacks_by_pool ON stacks (pool);

-- Exactly one of value (plain) and sealed (encrypted with secrets.key) is there.
CREATE TABLE stack_environment (
    stack TEXT NOT NULL REFERENCES stacks (slug),
    name TEXT NOT NULL,
    value TEXT,
    sealed BYTEA,
    PRIMARY KEY (stack, name),
    CHECK ((value IS NULL) <> (sealed IS NULL))
);

CREATE TABLE workers (
    id TEXT NOT NULL PRIMARY KEY,
    pool TEXT NOT NULL REFERENCES pools (id),
    metadata TEXT NOT NULL,
    library TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    status TEXT NOT NULL,
    drained BOOLEAN NOT NULL,
    status_seq BIGINT NOT NULL,
    last_lease_generation BIGINT,
    last_lease_counter BIGINT,
    created_at BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    gone_at BIGINT,
    crashed BOOLEAN NOT NULL
);
CREATE INDEX workers_by_pool ON workers (pool) WHERE gone_at IS NULL;

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    stack TEXT NOT NULL REFERENCES stacks (slug),
    pool TEXT NOT NULL REFERENCES pools (id),
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    triggered_by TEXT NOT NULL,
    command TEXT NOT NULL,
    commit_details TEXT NOT NULL,
    source TEXT NOT NULL,
    drift_detection BOOLEAN NOT NULL,
    needs_approval BOOLEAN NOT NULL,
    metadata TEXT NOT NULL,
    prioritized BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    state_version BIGINT NOT NULL,
    terminal BOOLEAN NOT NULL,
    unreachable_since BIGINT,
    lost BOOLEAN NOT NULL DEFAULT FALSE,
    workspace TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX runs_by_stack ON runs (stack, id);
CREATE INDEX runs_open ON runs (pool, id) WHERE NOT terminal;

CREATE TABLE run_transitions (
    run TEXT NOT NULL REFERENCES runs (id),
    state_version BIGINT NOT NULL,
    state TEXT NOT NULL,
    note TEXT,
    username TEXT,
    has_logs BOOLEAN NOT NULL,
    timestamp BIGINT NOT NULL,
    PRIMARY KEY (run, state_version)
);

CREATE TABLE leases (
    pool TEXT NOT NULL REFERENCES pools (id),
    generation BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (id),
    phase TEXT NOT NULL,
    worker TEXT NOT NULL REFERENCES workers (id),
    state TEXT NOT NULL,
    offer_message TEXT NOT NULL,
    cmd_seq BIGINT NOT NULL,
    offered_at BIGINT NOT NULL,
    started_at BIGINT,
    expires_at BIGINT,
    deadline BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    logs_complete BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (pool, generation, counter)
);
-- One run at a time on a worker, and one worker at a time for a run.
CREATE UNIQUE INDEX leases_open_by_run ON leases (run) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX leases_open_by_worker ON leases (worker) WHERE ended_at IS NULL;
CREATE INDEX leases_by_run ON leases (run, generation, counter);

CREATE TABLE log_segments (
    run TEXT NOT NULL REFERENCES runs (id),
    generation BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    len BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    state_version BIGINT NOT NULL,
    PRIMARY KEY (run, generation, counter, position)
);

CREATE TABLE commands (
    pool TEXT NOT NULL REFERENCES pools (id),
    cmd_seq BIGINT NOT NULL,
    worker TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    body BYTEA NOT NULL,
    sent_at BIGINT NOT NULL,
    acked_at BIGINT,
    PRIMARY KEY (pool, cmd_seq)
);
CREATE UNIQUE INDEX commands_by_message ON commands (message);
CREATE INDEX commands_open ON commands (worker, cmd_seq) WHERE acked_at IS NULL;
