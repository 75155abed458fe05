"""A worker in Python's hands: threads, asyncio, offers, steps, and what ends it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import json
import math
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest
from conftest import ROOT

import spacelift_worker as sw
from spacelift_worker import events, testing

TARGET = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
os.environ.setdefault("SPACELIFT_MOTHERSHIP", f"{TARGET}/debug/mothership")
PROGRAM = os.environ["SPACELIFT_MOTHERSHIP"]

PLAN = "echo planning; echo secret of the workspace > rendered; cat rendered"
APPLY = 'cp rendered "$SITE_TARGET/deployed"; echo deployed'


@pytest.fixture(scope="module")
def mothership():
    """A control plane."""
    with testing.Mothership(PROGRAM) as running:
        yield running


@pytest.fixture
def pool(mothership, request):
    """A pool of this test's own."""
    return mothership.create_pool(f"pool{abs(hash(request.node.name)) % 10**8}")


@pytest.fixture
def site(mothership, pool, tmp_path):
    """A stack of this test's own; where it deploys."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "template").write_text("x\n")
    mothership.create_stack(pool.name, pool, source, plan=PLAN, apply=APPLY, env={"SITE_TARGET": str(target)})
    return target


def until(worker, kind):
    """All events up to one of a kind."""
    found = []
    for event in worker:
        found.append(event)
        if isinstance(event, kind):
            return found
    raise AssertionError(f"it ended without {kind.__name__}: {found}")


def kinds(found):
    return [type(event).__name__ for event in found]


def test_a_run_goes_through_plan_and_apply_and_its_events_come_in_order(mothership, pool, site):
    with sw.connect(pool.environ(), lines=True) as worker:
        first = until(worker, events.Connected)[-1]
        assert len(first.worker) == 26
        run = mothership.trigger(pool.name)
        planned = until(worker, events.Reported)
        assert kinds(planned).index("Started") < kinds(planned).index("RunEnded") < kinds(planned).index("Reported")
        assert "secret of the workspace" in [event.message for event in planned if isinstance(event, events.Line)]
        mothership.await_run(run, "UNCONFIRMED")
        mothership.confirm(run)
        applied = until(worker, events.Reported)
        assert [event.run for event in applied if isinstance(event, events.Started)] == [run]
        mothership.await_run(run, "FINISHED")
    assert (site / "deployed").read_text() == "secret of the workspace\n"
    rest = list(worker)
    assert isinstance(rest[-1], events.Ended) and worker.exit_code == 0


@pytest.mark.parametrize("forever", [math.inf, sys.maxsize, 1e300])
def test_times_without_an_end_are_waited_for_and_not_counted(nowhere, forever):
    with sw.connect(nowhere, grace=forever) as worker:
        assert isinstance(worker.next(timeout=forever), events.Disconnected)
        used = []

        def wait():
            before = time.thread_time()
            with contextlib.suppress(sw.SessionClosed):
                while not isinstance(worker.next(timeout=forever), events.Ended):
                    pass
            used.append(time.thread_time() - before)

        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.5)
        worker.close()
        waiting.join(30)
        assert used and used[0] < 0.3


@pytest.mark.parametrize("grace", [-1, math.nan])
def test_a_grace_that_is_no_time_is_refused_at_once(nowhere, grace):
    with pytest.raises(ValueError):
        sw.connect(nowhere, grace=grace)


@pytest.mark.parametrize("work", ["sw.protect_process()", "with contextlib.suppress(sw.ConfigError): sw.run_launcher({})"])
def test_a_launcher_keeps_its_memory_and_environment_from_its_runs(work):
    code = f"""
        import contextlib, ctypes, resource
        import spacelift_worker as sw
        dumpable = lambda: ctypes.CDLL(None).prctl(3)
        assert dumpable() == 1
        {work}
        assert dumpable() == 0 and resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    """
    done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_host_is_asked_and_what_it_refuses_waits_for_another(mothership, pool, site):
    with sw.connect(pool.environ(), offers="ask") as worker:
        until(worker, events.Connected)
        mothership.trigger(pool.name)
        offered = until(worker, events.Offered)[-1]
        assert offered.stack == pool.name and offered.phase == "plan"
        assert offered.document["spacelift"]["run"]["id"] if "spacelift" in offered.document else offered.document
        worker.refuse(offered, "busy", "not now").result(30)
        again = until(worker, events.Offered)[-1]
        assert again.run == offered.run and again.lease != offered.lease
        worker.accept(again).result(30)
        assert until(worker, events.Started)[-1].lease == again.lease
        until(worker, events.Reported)


def test_an_answer_that_comes_too_late_is_an_error_of_the_operation(pool):
    with sw.connect(pool.environ(), offers="ask") as worker:
        late = worker.accept("1.1")
        with pytest.raises(sw.SessionError):
            late.result(30)
        assert isinstance(late.exception(), sw.SessionError)
        with pytest.raises(ValueError):
            worker.accept("no lease")
        with pytest.raises(ValueError):
            worker.refuse("1.1", "no reason")


def test_steps_are_run_by_the_host_and_their_output_is_masked(mothership, pool, site):
    environ = pool.environ(SPACELIFT_MASK_ENVS="PASSWORD", SPACELIFT_WHITELIST_ENVS="PASSWORD", PASSWORD="correct-horse")
    with sw.connect(environ, steps="host") as worker:
        until(worker, events.Connected)
        run = mothership.trigger(pool.name)
        steps = []
        for event in worker:
            match event:
                case events.Step(step=step, argv=argv, env=env, cwd=cwd):
                    steps.append(event)
                    done = subprocess.run(argv, env=dict(env), cwd=cwd, capture_output=True)
                    worker.report(step, done.stdout + b"correct-horse\n", exit_code=done.returncode)
                case events.Reported():
                    break
        mothership.await_run(run, "UNCONFIRMED")
        assert steps and all(step.env.get("PASSWORD") == "correct-horse" and "correct-horse" not in repr(step) for step in steps)
        assert "secret of the workspace" in mothership.logs(run) and "*****" in mothership.logs(run)
        assert "correct-horse" not in mothership.logs(run)
        with pytest.raises(sw.SessionError) as refused:
            worker.report(steps[0], b"more")
        assert refused.value.code == "step"


def test_a_step_that_fails_fails_the_run(mothership, pool, site):
    with sw.connect(pool.environ(), steps="host") as worker:
        until(worker, events.Connected)
        run = mothership.trigger(pool.name)
        step = until(worker, events.Step)[-1]
        worker.report(step, exit_code=3)
        assert until(worker, events.RunEnded)[-1].outcome == "failed"
        mothership.await_run(run, "FAILED")


def test_asyncio_does_the_same_and_other_tasks_run_on(mothership, pool, site):
    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        seen = []
        async with sw.connect(pool.environ(), offers="ask", lines=True) as worker:
            async for event in worker:
                seen.append(event)
                match event:
                    case events.Connected():
                        await asyncio.to_thread(mothership.trigger, pool.name)
                    case events.Offered():
                        await worker.accept(event)
                    case events.Reported():
                        await worker.drain()
        async for event in worker:
            seen.append(event)
        ticking.cancel()
        assert isinstance(seen[-1], events.Ended) and seen[-1].exit_code == 0 and ticks > 10
        assert {"Connected", "Offered", "Started", "Line", "RunEnded", "Reported", "Ended"} <= set(kinds(seen))

    asyncio.run(main(), debug=True)


def test_a_wait_that_is_cancelled_loses_no_event(pool):
    async def main():
        async with sw.connect(pool.environ()) as worker:
            found = []
            while not found:
                waiting = asyncio.ensure_future(anext(worker))
                await asyncio.sleep(0)
                waiting.cancel()
                try:
                    found.append(await waiting)
                except asyncio.CancelledError:
                    pass
                await asyncio.sleep(0)
                if not found:
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(asyncio.shield(asyncio.sleep(60)), 0.01)
                    if worker._waiting:
                        found.append(await anext(worker))
            assert isinstance(found[0], events.Connected)

    asyncio.run(main())


def test_two_loops_do_not_share_a_worker(nowhere):
    worker = sw.connect(nowhere)

    async def other():
        with pytest.raises(RuntimeError, match="another event loop"):
            await anext(worker)

    async def main():
        async with worker:
            thread = threading.Thread(target=lambda: asyncio.run(other()))
            thread.start()
            await asyncio.to_thread(thread.join)

    asyncio.run(main())


def test_the_descriptor_works_with_select_and_is_readable_for_ever_after_the_end(nowhere):
    worker = sw.connect(nowhere)
    assert select.select([worker], [], [], 30)[0]
    worker.close(0)
    rest = list(worker)
    assert isinstance(rest[-1], events.Ended)
    assert select.select([worker], [], [], 0)[0]
    with pytest.raises(sw.SessionClosed):
        worker.next(0)


def test_a_wait_with_a_time_ends_in_time(nowhere):
    with sw.connect(nowhere) as worker:
        while worker.next(0.5) is not None:
            pass
        worker.close(0)
        until(worker, events.Ended)


def test_closing_from_another_thread_ends_who_waits(nowhere):
    worker = sw.connect(nowhere)
    found = []
    thread = threading.Thread(target=lambda: found.extend(worker))
    thread.start()
    worker.close(0)
    worker.close()
    thread.join(30)
    assert not thread.is_alive() and isinstance(found[-1], events.Ended)
    with pytest.raises(sw.SessionClosed):
        worker.drain()


def test_a_command_that_is_taken_back_is_told(nowhere):
    with sw.connect(nowhere) as worker:
        worker.close(0)
        with pytest.raises((sw.SessionClosed, sw.SessionError)):
            worker.drain().result(10)


def test_everything_that_is_wrong_is_said_at_once(token_text):
    with pytest.raises(sw.ConfigError) as refused:
        sw.connect({"SPACELIFT_TOKEN": token_text, "SPACELIFT_POOL_PRIVATE_KEY": "eA==", "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY": "/nowhere"})
    assert "SPACELIFT_POOL_PRIVATE_KEY" in str(refused.value) and "/nowhere" in str(refused.value)
    for wrong in ({"offers": "never"}, {"steps": "mine"}, {"grace": -1}, {"capacity": 0}):
        with pytest.raises(ValueError):
            sw.connect({"SPACELIFT_TOKEN": "t", "SPACELIFT_POOL_PRIVATE_KEY": "k"}, **wrong)


def test_a_policy_is_evaluated_in_a_process_of_its_own(mothership, pool, site, tmp_path):
    policy = tmp_path / "policy.rego"
    policy.write_text('package spacelift\n\ndeny contains "closed today" if true\n')
    with sw.connect(pool.environ(SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY=str(policy))) as worker:
        until(worker, events.Connected)
        run = mothership.trigger(pool.name)
        mothership.await_run(run, "FAILED")
        assert "closed today" in mothership.logs(run)


def test_a_worker_that_nobody_holds_ends(nowhere):
    worker = sw.connect(nowhere)
    gone = weakref.ref(worker) if hasattr(worker, "__weakref__") else None
    fd = worker.fileno()
    del worker
    gc.collect()
    assert gone is None or gone() is None
    deadline = time.monotonic() + 30
    while os.path.exists(f"/proc/self/fd/{fd}") and time.monotonic() < deadline:
        gc.collect()
    assert not os.path.exists(f"/proc/self/fd/{fd}")


# Processes

CONNECT = """
import os, sys, threading
import spacelift_worker as sw
worker = sw.connect(os.environ)
"""


def python(code, environ, *, after=None, timeout=60):
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", CONNECT + textwrap.dedent(code)]
    process = subprocess.Popen(
        command, env=os.environ | environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if after is not None:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        after(process)
    out, error = process.communicate(timeout=timeout)
    return process.returncode, out, error


def test_an_interpreter_ends_cleanly_with_a_live_session_fifty_times(pool):
    environ = os.environ | pool.environ()
    code = CONNECT + "worker.next(); threading.Thread(target=lambda: list(worker), daemon=True).start()\n"

    def start():
        return subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-c", code], env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )

    ended = 0
    for _ in range(10):
        for process in [start() for _ in range(5)]:
            out, error = process.communicate(timeout=120)
            assert (process.returncode, out, error) == (0, b"", b"")
            ended += 1
    assert ended == 50


@pytest.mark.parametrize("wait", ["list(worker)", "worker.next()\nwhile True: worker.next(60)", "asyncio.run(main())"])
def test_ctrl_c_ends_a_wait(nowhere, wait):
    code = f"""
import asyncio
async def main():
    async with worker:
        print("ready", flush=True)
        async for event in worker:
            pass
if "asyncio" not in {wait!r}:
    print("ready", flush=True)
with worker if "asyncio" not in {wait!r} else open(os.devnull):
{textwrap.indent(wait, "    ")}
"""
    status, _, error = python(code, nowhere, after=lambda process: process.send_signal(signal.SIGINT))
    assert status in (-signal.SIGINT, 130, 1) and "KeyboardInterrupt" in error, error


def test_a_forked_child_is_refused_and_its_parent_goes_on(nowhere):
    code = """
        import time, warnings
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        child = os.fork()
        if child == 0:
            refused = 0
            for act in (worker.drain, worker.next, lambda: worker.close(0), worker.fileno, lambda: sw.connect(os.environ)):
                start = time.monotonic()
                try:
                    act()
                except sw.ForkedError:
                    refused += time.monotonic() - start < 1
            del worker
            assert sw.Masker(["hunter2"]).push(b"hunter2!") == b"*****!"
            sys.exit(0 if refused == 5 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        worker.close(0)
        print(len(list(worker)) > 0)
    """
    status, out, error = python(code, nowhere)
    assert (status, out) == (0, "True\n"), error


def test_no_foreign_thread_is_known_to_the_interpreter_and_signals_stay_with_it(nowhere):
    code = """
        import signal
        worker.next()
        assert threading.enumerate() == [threading.main_thread()]
        tasks = [int(task) for task in os.listdir("/proc/self/task") if int(task) != os.getpid()]
        assert tasks
        for task in tasks:
            with open(f"/proc/self/task/{task}/status") as file:
                facts = dict(line.split(":", 1) for line in file)
            blocked = int(facts["SigBlk"], 16)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1):
                assert blocked >> (number - 1) & 1, (facts["Name"], number)
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
        worker.close(0)
        print("done")
    """
    status, out, error = python(code, nowhere)
    assert (status, out) == (0, "done\n"), error


def test_a_ready_launcher_drains_at_sigterm_and_gives_the_documented_exit_code(mothership, pool, site):
    code = """
import logging, os, sys
import spacelift_worker as sw
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
sys.exit(sw.run_launcher(os.environ))
"""
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        env=os.environ | pool.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "Connected" in process.stdout.readline()
    run = mothership.trigger(pool.name)
    mothership.await_run(run, "UNCONFIRMED")
    mothership.confirm(run)
    mothership.await_run(run, "FINISHED")
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0 and "Ended(exit_code=0" in out, error
    assert (site / "deployed").exists()


def test_a_control_plane_that_is_not_there_says_so(monkeypatch):
    monkeypatch.delenv("SPACELIFT_MOTHERSHIP", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(testing.MothershipError) as missing:
        testing.Mothership()
    assert missing.value.code == "missing" and "PATH" in str(missing.value)
    with pytest.raises(testing.MothershipError, match="did not start"), testing.Mothership("/bin/false"):
        pass


def test_a_command_that_fails_says_what_was_said(mothership):
    with pytest.raises(testing.MothershipError, match="nowhere"):
        mothership.trigger("nowhere")
