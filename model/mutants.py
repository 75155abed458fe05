"""Breaks one guard at a time in a copy of the tree, and expects the model to notice.

    python3 model/mutants.py            every guard
    python3 model/mutants.py NAME...    some of them

A guard is a text that stands exactly once in its file, and what takes its place. The tree itself is not touched.
"""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "target" / "model-mutants"
CORE = "spacelift-worker-core/src/protocol/"
PLANE = "spacelift-mothership/src/"

# name, file, text, replacement, worlds that must notice
GUARDS = [
    ("busy_worker_takes_an_offer", CORE + "session/inbound.rs",
     "} else if self.state.is_busy() {", "} else if false {", ["two-runs"]),
    ("drained_worker_takes_an_offer", CORE + "session/inbound.rs",
     "} else if self.drain.is_on() {", "} else if false {", ["drain"]),
    ("begun_is_not_journalled", CORE + "session/inbound.rs",
     "begun: Some(accepted.what),", "begun: None,", ["small"]),
    ("report_is_not_journalled", CORE + "session/commands.rs",
     "record.outcome = Some(StoredOutcome { message: report.id, body });",
     "let _ = StoredOutcome { message: report.id, body };", ["small"]),
    ("lease_is_not_fenced", CORE + "session/inbound.rs",
     "self.timers.set(Timer::LeaseFence, fence);", "", ["two-workers"]),
    ("change_is_fenced", CORE + "session/commands.rs",
     "running.tenure = Tenure::ToTheEnd;\n            self.timers.stop(Timer::LeaseFence);", "", ["small"]),
    ("cycle_is_not_told", CORE + "session/inbound.rs",
     "self.events.push_back(Event::Cycle);", "", ["cycle"]),
    ("old_idle_is_believed", PLANE + "control/presence.rs",
     "if status.last_lease_seen >= Some(held.lease) {", "if true {", ["small"]),
    ("silent_plan_is_given_away_at_once", PLANE + "control/judge.rs",
     "if now >= times.deadline {\n                Due::GiveUp", "if true {\n                Due::GiveUp", ["two-workers"]),
    ("apply_is_offered_again", PLANE + "control/verdict.rs",
     "if about.phase.may_be_offered_again() && about.losses < MAX_LOSSES {", "if about.losses < MAX_LOSSES {", ["small"]),
    ("second_verdict_counts", PLANE + "store/moves.rs",
     "if !run.lost || latest != Some(end.lease) {", "if latest != Some(end.lease) {", ["small"]),
]


def copy_tree():
    """Only what differs is written, so that cargo builds only what a guard changes."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in files.splitlines():
        source, copy = ROOT / name, COPY / name
        if source.is_file() and (not copy.exists() or copy.read_bytes() != source.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def run_model(worlds):
    """Whether the code builds, and whether the model finds a broken law."""
    cargo = ["cargo", "build", "--quiet", "--locked", "-p", "spacelift-worker-model"]
    built = subprocess.run(cargo, cwd=COPY, capture_output=True, text=True)
    if built.returncode != 0:
        sys.exit(f"a broken guard must still build:\n{built.stderr}")
    program = COPY / "target" / "debug" / "spacelift-worker-model"
    done = subprocess.run([program, *worlds], cwd=COPY, capture_output=True, text=True)
    return done.returncode != 0, done.stdout


def main():
    wanted = sys.argv[1:]
    survivors = []
    for name, path, text, replacement, worlds in GUARDS:
        if wanted and name not in wanted:
            continue
        copy_tree()
        target = COPY / path
        source = target.read_text()
        if source.count(text) != 1:
            sys.exit(f"{name}: the guard stands {source.count(text)} times in {path}, not once")
        target.write_text(source.replace(text, replacement))
        found, output = run_model(worlds)
        broken = [line for line in output.splitlines() if line.startswith("broken:")]
        print(f"{'found' if found else 'MISSED':<8}{name:<36}{' '.join(broken)}", flush=True)
        if not found:
            survivors.append(name)
    copy_tree()
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
