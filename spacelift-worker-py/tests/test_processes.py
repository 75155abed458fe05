"""Processes: fork, spawn, the interpreter's end, Ctrl-C, memory, other interpreters."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest

import spacelift_worker as sw


def python(code, *arguments, timeout=60, **options):
    """A fresh interpreter that sees mistakes."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)


USE = """
import spacelift_worker as sw

def use(pem):
    key = sw.PoolKey.from_pem(pem)
    sealed = sw.seal(bytes(100_000), recipients=[key.public_key()], signer=key)
    assert sw.unseal(sealed, key=key, signer=key.public_key()) == bytes(100_000)
    assert sw.Masker(["hunter2"]).push(b"hunter2!") == b"*****!"
    policy = sw.InitializationPolicy.from_source('package spacelift\\n\\ndeny contains "x" if true')
    assert not policy.evaluate({})
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_process_does_all_but_talk(method, key, tmp_path):
    (tmp_path / "used.py").write_text(USE)
    code = """
        import multiprocessing, os, sys, warnings
        import used

        if __name__ == "__main__":
            # Python warns of any fork beside threads, which is the point here.
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            pem = sys.argv[1]
            used.use(pem)
            context = multiprocessing.get_context(sys.argv[2])
            with context.Pool(2) as pool:
                pool.map(used.use, [pem] * 4)
            print("done")
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    (tmp_path / "main.py").write_text(textwrap.dedent(code))
    command = [sys.executable, "-X", "dev", "-W", "error", tmp_path / "main.py", key.to_pem().decode(), method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_a_child_judges_by_policy_whatever_other_threads_were_in_the_middle_of():
    done = python(
        """
        import os, threading, time, warnings
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        import spacelift_worker as sw

        # More patterns than are kept, so that each is compiled and put away again and again.
        rules = "".join(f'deny contains "{n}" if regex.match("^a+{n}b*$", input.title)\\n' for n in range(60))
        source = "package spacelift\\n\\n" + rules
        over, policy = False, sw.InitializationPolicy.from_source(source)

        def judge():
            while not over:
                policy.evaluate({"title": "aaa7bbb"})

        threads = [threading.Thread(target=judge) for _ in range(4)]
        for thread in threads:
            thread.start()
        codes = []
        for _ in range(100):
            child = os.fork()
            if child == 0:
                start = time.monotonic()
                decision = sw.InitializationPolicy.from_source(source).evaluate({"title": "aaa7bbb"})
                os._exit(0 if decision.reasons == ("7",) and time.monotonic() - start < 4 else 1)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        over = True
        for thread in threads:
            thread.join()
        assert not any(codes), codes
        """
    )
    assert done.returncode == 0, done.stderr


def test_a_forked_child_is_told_at_once_that_it_has_no_threads():
    done = python(
        """
        import os, time, warnings
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        import spacelift_worker as sw

        sw.preflight({})
        child = os.fork()
        if child == 0:
            start = time.monotonic()
            try:
                sw.preflight({})
            except sw.ForkedError as error:
                ok = error.code == "forked" and time.monotonic() - start < 1
            assert sw.Masker(["hunter2"]).push(b"hunter2!") == b"*****!"
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        sw.preflight({})
        """
    )
    assert done.returncode == 0, done.stderr


def test_ctrl_c_ends_a_policy_that_takes_long_and_a_key_that_takes_long():
    code = """
        import signal, sys, threading
        import spacelift_worker as sw

        policy = sw.InitializationPolicy.from_source('''package spacelift

        deny contains "slow" if {
            input.run.title == "slow"
            some i, j, k
            numbers.range(1, 3000)[i] + numbers.range(1, 3000)[j] + numbers.range(1, 3000)[k] == -1
        }
        ''', time_limit=20)
        threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
        policy.evaluate({"run": {"title": "slow"}})
    """
    done = python(code, timeout=15)
    assert done.returncode == -signal.SIGINT and "KeyboardInterrupt" in done.stderr


def test_another_interpreter_in_one_process_is_refused_cleanly():
    code = """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        import spacelift_worker

        other = interpreters.create()
        script = "try:\\n import spacelift_worker\\nexcept ImportError as e: print('refused')\\nelse: print('taken')"
        interpreters.run_string(other, script)
        interpreters.destroy(other)
        assert spacelift_worker.Masker(["hunter2"]).push(b"hunter2!") == b"*****!"
    """
    done = python(code)
    # Before 3.12 interpreters of one process share the lock, and an extension cannot say that it wants one alone.
    answer = "refused\n" if sys.version_info >= (3, 12) else "taken\n"
    assert (done.returncode, done.stdout) == (0, answer), done.stderr


def test_nothing_leaks_in_a_long_run(key):
    options = {"recipients": [key.public_key()], "context": {"run": "1"}}
    data = os.urandom(100_000)

    def once():
        sealed = sw.seal(bytearray(data), **options)
        assert sw.unseal(sealed, key=key, context={"run": "1"}, signer=sw.UNSIGNED) == data
        masker = sw.Masker(["correct-horse"])
        masker.push_into(data, bytearray(200_000))
        masker.finish()
        for wrong in (b"", sealed[:-1]):
            with pytest.raises(sw.SealError):
                sw.unseal(wrong, key=key, context={"run": "1"}, signer=sw.UNSIGNED)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    for _ in range(30):
        once()
    before = resident()
    for _ in range(200):
        once()
    assert resident() - before < 16 * 1024 * 1024


def test_importing_starts_no_thread_and_touches_no_signal():
    code = """
        import os, signal, time

        def state():
            with open("/proc/self/status") as file:
                facts = dict(line.split(":", 1) for line in file)
            handlers = [signal.getsignal(number) for number in signal.valid_signals()]
            # But for 32 and 33, which the C library takes for itself.
            ignored, blocked = (int(facts[name], 16) & ~(3 << 31) for name in ("SigIgn", "SigBlk"))
            return handlers, ignored, blocked, os.listdir("/proc/self/task")

        before = state()
        import spacelift_worker as sw
        sw.seal(bytes(10_000), recipients=[sw.PoolKey.generate(bits=2048).public_key()])
        # A thread that was waited for is still listed for a moment.
        until = time.monotonic() + 30
        while state() != before:
            assert time.monotonic() < until, (state(), before)
    """
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_the_methods_of_starting_processes_are_all_tried():
    assert set(multiprocessing.get_all_start_methods()) == {"fork", "spawn", "forkserver"}
