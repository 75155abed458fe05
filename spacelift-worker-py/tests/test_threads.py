"""Threads: the interpreter's lock is let go while the library works, and an object that threads share gives whole answers."""

from __future__ import annotations

import os
import sys
import threading

import pytest

import spacelift_worker as sw
from spacelift_worker import cobblestone

MUCH = os.urandom(8 * 1024 * 1024)
KEY = bytes(32)
POLICY = 'package spacelift\n\ndeny contains "x" if input.run.title == "y"\n'


@pytest.fixture
def no_forced_switch():
    """Another thread runs only when the lock is let go, never because it has waited for long."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


def another_runs_meanwhile(work, times):
    """Whether another thread gets to run while this one does nothing but work."""
    asked, counted, stop = threading.Event(), [0], False

    def count():
        asked.wait()
        counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    asked.set()
    for _ in range(times):
        work()
        if counted[0]:
            break
    seen = counted[0]
    thread.join()
    return bool(seen) and not stop


def works(key, tmp_path):
    options = {"recipients": [key.public_key()], "signer": key}
    opening = {"key": key, "signer": key.public_key()}
    sealed = sw.seal(MUCH, **options)
    (tmp_path / "plan").write_bytes(MUCH)
    (tmp_path / "sealed").write_bytes(sealed)
    sealer, encryptor, masker = sw.Sealer(**options), cobblestone.Encryptor(KEY), sw.Masker(["correct-horse"])
    buffer = bytearray(9 * 1024 * 1024)
    policy = sw.InitializationPolicy.from_source(POLICY)
    return {
        "seal": lambda: sw.seal(MUCH, **options),
        "unseal": lambda: sw.unseal(sealed, **opening),
        "seal_file": lambda: sw.seal_file(tmp_path / "plan", tmp_path / "out", **options),
        "unseal_file": lambda: sw.unseal_file(tmp_path / "sealed", tmp_path / "out", **opening),
        "Sealer": lambda: sw.Sealer(**options),
        "Sealer.update": lambda: sealer.update(MUCH),
        "Sealer.update_into": lambda: sealer.update_into(MUCH, buffer),
        "Unsealer.update": lambda: sw.Unsealer(**opening).update(sealed),
        "cobblestone": lambda: encryptor.update(MUCH),
        "Masker.push": lambda: masker.push(MUCH),
        "Masker.push_into": lambda: masker.push_into(MUCH, buffer),
        "generate": lambda: sw.PoolKey.generate(bits=2048),
        "evaluate": lambda: policy.evaluate({"run": {"title": "z"}}),
        "preflight": lambda: sw.preflight({}),
        "2 KiB": lambda: masker.push(MUCH[:2048]),
    }


NAMES = [
    "seal", "unseal", "seal_file", "unseal_file", "Sealer", "Sealer.update", "Sealer.update_into", "Unsealer.update", "cobblestone",
    "Masker.push", "Masker.push_into", "generate", "evaluate", "preflight", "2 KiB",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_another_thread_counts_while_this_one_works(name, key, tmp_path, no_forced_switch):
    work = works(key, tmp_path)[name]
    assert another_runs_meanwhile(work, 20_000 if name == "2 KiB" else 200)


@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="there is no lock")
def test_little_work_keeps_the_lock(no_forced_switch):
    masker, little = sw.Masker(["correct-horse"]), b"x" * 2047
    assert not another_runs_meanwhile(lambda: masker.push(little), 2_000)


def test_one_sealer_that_threads_share_seals_each_piece_whole(key):
    sealer = sw.Sealer(recipients=[key.public_key()])
    piece, parts, lock = b"0123456789abcdef" * 1024, [], threading.Lock()

    def push():
        for _ in range(50):
            with lock:
                parts.append(sealer.update(piece))

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plain = sw.unseal(b"".join(parts) + sealer.finish(), key=key, signer=sw.UNSIGNED)
    assert plain == piece * 200


def test_threads_that_push_at_once_wait_for_each_other():
    encryptor, total = cobblestone.Encryptor(KEY), []

    def push():
        total.append(sum(len(encryptor.update(MUCH[: 1024 * 1024])) for _ in range(5)))

    threads = [threading.Thread(target=push) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    length = sum(total) + len(encryptor.finalize())
    assert length == 40 * 1024 * 1024 + 56 + 16 * (40 * 64 + 1)


def test_one_policy_is_evaluated_by_many_threads():
    policy, found = sw.InitializationPolicy.from_source(POLICY), []

    def judge(title):
        found.append([policy.evaluate({"run": {"title": title}}).allowed for _ in range(20)])

    threads = [threading.Thread(target=judge, args=(title,)) for title in "yzyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [[False] * 20] * 2 + [[True] * 20] * 2


def test_a_buffer_that_another_thread_changes_meanwhile_is_sealed_as_it_was(key):
    data, stop = bytearray(1024 * 1024), threading.Event()

    def change():
        while not stop.is_set():
            for at in range(0, len(data), 4096):
                data[at] ^= 0xFF

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            sealed = sw.seal(data, recipients=[key.public_key()])
            assert len(sw.unseal(sealed, key=key, signer=sw.UNSIGNED)) == len(data)
    finally:
        stop.set()
        thread.join()
