-- What runs hand to other stacks, sealed, and who takes it.

CREATE TABLE stack_dependencies (
    stack TEXT NOT NULL REFERENCES stacks (slug),
    upstream TEXT NOT NULL REFERENCES stacks (slug),
    variables TEXT NOT NULL,
    PRIMARY KEY (stack, upstream)
);
CREATE INDEX stack_dependents ON stack_dependencies (upstream, stack);

ALTER TABLE runs ADD COLUMN outputs TEXT;
ALTER TABLE runs ADD COLUMN inputs TEXT NOT NULL DEFAULT '[]';
-- Set by the end of a run, and taken off in the transaction that triggers the runs of its dependents.
ALTER TABLE runs ADD COLUMN dependents_due BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX runs_with_dependents_due ON runs (id) WHERE dependents_due;
CREATE INDEX runs_with_outputs ON runs (stack, updated_at) WHERE outputs IS NOT NULL;
