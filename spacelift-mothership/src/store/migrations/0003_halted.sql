-- Whether a person asked for the end of the phase: what the worker reports of it afterwards ends the run.
ALTER TABLE leases ADD COLUMN halted BOOLEAN NOT NULL DEFAULT FALSE;
