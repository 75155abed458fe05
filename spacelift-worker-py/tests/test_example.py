"""The custom launcher that people copy: through plan and apply, and what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from conftest import ROOT

from spacelift_worker import testing

PROGRAM = os.environ.get("SPACELIFT_MOTHERSHIP") or f"{os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')}/debug/mothership"
EXAMPLE = ROOT / "examples" / "python" / "launcher.py"


@pytest.fixture
def system(tmp_path):
    """A control plane with a pool, a stack, and where it deploys."""
    with testing.Mothership(PROGRAM) as mothership:
        pool = mothership.create_pool()
        source, target = tmp_path / "source", tmp_path / "target"
        source.mkdir()
        target.mkdir()
        (source / "template").write_text("x\n")
        mothership.create_stack(
            "site",
            pool,
            source,
            plan="echo plan of $WORD > rendered; cat rendered; seq 1 200000 | tail -n 3",
            apply='cp rendered "$SITE_TARGET/deployed"; echo deployed',
            env={"SITE_TARGET": str(target), "WORD": "everything"},
        )
        yield mothership, pool, target


def start(pool, **more):
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")} | pool.environ(**more)
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-W", "error", EXAMPLE],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "working\n", process.stderr.read()
    return process


def end(process):
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=60)
    return process.returncode, out, error


def test_a_run_is_planned_and_applied_by_it(system):
    mothership, pool, target = system
    process = start(pool)
    run = mothership.trigger("site")
    mothership.await_run(run, "UNCONFIRMED")
    assert "plan of everything" in mothership.logs(run) and "200000" in mothership.logs(run)
    mothership.confirm(run)
    mothership.await_run(run, "FINISHED")
    assert (target / "deployed").read_text() == "plan of everything\n"
    code, out, error = end(process)
    assert (code, error) == (0, "") and out.count(f"run {run}: succeeded") == 2


def test_it_takes_runs_of_the_stacks_that_it_was_told(system):
    mothership, pool, _ = system
    picky = start(pool, ONLY_STACKS="another")
    run = mothership.trigger("site")
    mothership.await_run(run, "QUEUED")
    willing = start(pool)
    mothership.await_run(run, "UNCONFIRMED")
    assert end(picky)[0] == 0 and end(willing)[0] == 0


def test_a_run_that_is_stopped_ends_all_that_it_started(system, tmp_path):
    mothership, pool, _ = system
    mothership.create_stack("slow", pool, tmp_path / "source", plan="echo begun; sleep 600 & wait", apply="true")
    process = start(pool)
    run = mothership.trigger("slow")
    while "begun" not in mothership.logs(run):
        pass
    mothership.command("run", "stop", run)
    mothership.await_run(run, "STOPPED", "FAILED", timeout=90)
    assert end(process)[0] == 0


def test_what_is_wrong_is_said_and_is_exit_code_1():
    done = subprocess.run([sys.executable, EXAMPLE], env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}, capture_output=True, text=True)
    assert done.returncode == 1 and "SPACELIFT_TOKEN" in done.stderr and "Traceback" not in done.stderr
