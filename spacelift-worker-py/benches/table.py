"""What it costs to call the library from Python, as a table, each row beside its rival in the same run.

`make bench-python` builds what it needs and runs it. Times are those of the processor that this thread takes, the best of some batches, in turn
with the rival's; two threads are measured by the clock on the wall.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from cryptography.cobblestone import Cobblestone256Encryptor

import spacelift_worker as sw
from spacelift_worker import cobblestone
from terraform_log import SIZE, write_log

CALLS, BATCHES, PAIRS = 128, 20, 7
KEY = bytes(range(32))


def best(work, batches=BATCHES, calls=CALLS):
    """Nanoseconds of the processor for one call."""
    times = []
    for _ in range(batches):
        began = time.thread_time_ns()
        for _ in range(calls):
            work()
        times.append((time.thread_time_ns() - began) / calls)
    return min(times)


class Rust:
    """The same calls without Python."""

    def __init__(self, program, folder):
        self._process = subprocess.Popen([program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"

    def ask(self, what):
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self):
        self._process.stdin.close()
        self._process.wait()


def compared(ours, rival):
    """Medians of both, and the median of their ratio, taken in turn so that what disturbs one disturbs the other."""
    pairs = [(ours(), rival()) for _ in range(PAIRS)]
    median = statistics.median
    return median(o for o, _ in pairs), median(r for _, r in pairs), median(o / r for o, r in pairs)


def rows(rust, log, secrets):
    key = sw.PoolKey.generate(bits=2048)
    plain, buffer = bytes([7]) * SIZE, bytearray(SIZE + 24 * 1024)

    def sealer():
        made = sw.Sealer(recipients=[key.public_key()])
        made.update(b"")
        return made

    one = sealer()
    yield "`Sealer.update_into`", "the Rust call", *compared(lambda: best(lambda: one.update_into(plain, buffer)), lambda: rust.ask("update")), "<=", 1.10
    two = sealer()
    yield "`Sealer.update`", "the Rust call", *compared(lambda: best(lambda: two.update(plain)), lambda: rust.ask("update")), "<=", 1.60

    masker = sw.Masker(secrets)
    yield "`Masker.push_into`", "the Rust call", *compared(lambda: best(lambda: masker.push_into(log, buffer)), lambda: rust.ask("push")), "<=", 1.15
    other = sw.Masker(secrets)
    yield "`Masker.push`", "the Rust call", *compared(lambda: best(lambda: other.push(log)), lambda: rust.ask("push")), "<=", 1.60

    ours = cobblestone.Encryptor(KEY)
    theirs = Cobblestone256Encryptor(KEY, b"")
    yield "`cobblestone.Encryptor.update`", "`cryptography`", *compared(lambda: best(lambda: ours.update(plain)), lambda: best(lambda: theirs.update(plain))), "<=", 0.5
    into = cobblestone.Encryptor(KEY)
    theirs = Cobblestone256Encryptor(KEY, b"")
    yield "`cobblestone.Encryptor.update_into`", "`cryptography`", *compared(lambda: best(lambda: into.update_into(plain, buffer)), lambda: best(lambda: theirs.update(plain))), "<=", 0.5

    much, room = bytes(64 << 20), bytearray((64 << 20) + (128 << 10))
    whole = cobblestone.Encryptor(KEY)
    theirs = Cobblestone256Encryptor(KEY, b"")
    yield "the same with 64 MiB", "`cryptography`", *compared(lambda: best(lambda: whole.update_into(much, room), 3, 2), lambda: best(lambda: theirs.update(much), 3, 2)), "<=", 0.5


def by_the_clock(threads, calls=400, size=1024 * 1024):
    """Bytes a second that threads seal together."""
    encryptors = [cobblestone.Encryptor(KEY) for _ in range(threads)]
    data = bytes(size)
    buffers = [bytearray(size + 24 * 1024) for _ in range(threads)]
    start = threading.Barrier(threads + 1)

    def work(encryptor, buffer):
        start.wait()
        for _ in range(calls):
            encryptor.update_into(data, buffer)

    running = [threading.Thread(target=work, args=pair) for pair in zip(encryptors, buffers)]
    for thread in running:
        thread.start()
    start.wait()
    began = time.monotonic()
    for thread in running:
        thread.join()
    return threads * calls * size / (time.monotonic() - began)


def main(program, report):
    with tempfile.TemporaryDirectory() as folder:
        log, secrets = write_log(folder)
        rust = Rust(program, folder)
        lines = ["| 64 KiB a call | ours | rival | | ratio | bar | |", "| --- | --- | --- | --- | --- | --- | --- |"]
        held = True
        for what, rival, ours, theirs, ratio, sign, bar in rows(rust, log, secrets):
            good = ratio <= bar
            held &= good
            lines.append(f"| {what} | {ours / 1e3:.1f} µs | {theirs / 1e3:.1f} µs | {rival} | {ratio:.2f} | {sign} {bar:.2f} | {'held' if good else 'NOT HELD'} |")
            print(lines[-1], flush=True)
        rust.end()
    pairs = [(by_the_clock(2), by_the_clock(1)) for _ in range(5)]
    ratio = statistics.median(two / one for two, one in pairs)
    two, one = (statistics.median(values) / 1e9 for values in zip(*pairs))
    good = ratio >= 1.6
    lines.append(f"| two threads that seal | {two:.2f} GB/s | {one:.2f} GB/s | one thread | {ratio:.2f} | >= 1.60 | {'held' if good else 'NOT HELD'} |")
    text = "\n".join(lines) + "\n"
    print(text)
    Path(report).parent.mkdir(parents=True, exist_ok=True)
    Path(report).write_text(text)
    return 0 if held and good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
