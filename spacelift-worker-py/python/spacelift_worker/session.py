"""A worker: events that are pulled, commands that are queued, for threads and for asyncio alike.

>>> import spacelift_worker as sw
>>> try:
...     sw.connect({"SPACELIFT_TOKEN": ""})
... except sw.ConfigError as error:
...     print(error.problems[0].variable)
SPACELIFT_TOKEN
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, final

from . import _native, _runtime, events
from ._convert import Buffer
from .config import LauncherConfig
from .errors import SessionClosed, SessionError
from .events import Event

__all__ = ["Operation", "Worker", "connect"]

# Events that asyncio's callback takes at once, so that the queue of the library stays the one that is bounded.
_TAKEN_AHEAD = 256


@final
class Operation(concurrent.futures.Future[None]):
    """A command that was given: a future for threads, and something to await for asyncio.

    It fails with `SessionError` when the command was refused or came too late.

    >>> import concurrent.futures
    >>> import spacelift_worker as sw
    >>> issubclass(sw.Operation, concurrent.futures.Future)
    True
    """

    def __init__(self, worker: Worker, number: int) -> None:
        super().__init__()
        self._worker, self._number = worker, number

    def result(self, timeout: float | None = None) -> None:
        """Waits until the command was carried out. Events that come meanwhile are kept for who iterates.

        Raises `SessionError`, `TimeoutError` after ``timeout`` seconds.

        >>> import spacelift_worker as sw
        >>> with sw.connect() as worker:
        ...     worker.drain().result(timeout=30)
        """
        self._worker._pull_until(self, timeout)
        super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As `result`, and returns the error instead of raising it.

        >>> import spacelift_worker as sw
        >>> with sw.connect(offers="ask") as worker:
        ...     print(worker.accept("1.1").exception(timeout=30))
        no offer with lease 1.1 waits for an answer
        """
        self._worker._pull_until(self, timeout)
        return super().exception(0)

    def cancel(self) -> bool:
        """Takes the command back; whether it came in time.

        >>> import spacelift_worker as sw
        >>> with sw.connect() as worker:
        ...     operation = worker.drain()
        ...     operation.result(timeout=30)
        ...     operation.cancel()
        False
        """
        return not self.done() and self._worker._native.cancel(self._number)

    def __await__(self) -> Generator[Any, None, None]:
        self._worker._listen()
        return asyncio.wrap_future(self).__await__()


@final
class Worker:
    """A worker of a pool. `connect` makes one.

    ``with`` and ``for`` are for threads, ``async with`` and ``async for`` for asyncio. It ends when the block is left: by an
    exception at once, else it takes no new work and finishes what is in hand within the grace.

    >>> import spacelift_worker as sw
    >>> sw.Worker()
    Traceback (most recent call last):
    TypeError: use spacelift_worker.connect
    """

    def __init__(self) -> None:
        raise TypeError("use spacelift_worker.connect")

    @classmethod
    def _of(cls, native: _native.Session, grace: float) -> Worker:
        made = object.__new__(cls)
        made._native, made._grace = native, grace
        made._waiting = collections.deque()
        made._operations = {}
        made._over = False
        made._end = None
        made._lock = threading.RLock()
        made._loop = None
        made._listening = False
        made._arrived = None
        return made

    _native: _native.Session
    _grace: float
    _waiting: collections.deque[Event]
    _operations: dict[int, Operation]
    _over: bool
    _end: events.Ended | None
    _lock: threading.RLock
    _loop: asyncio.AbstractEventLoop | None
    _listening: bool
    _arrived: asyncio.Event | None

    # What both ways share

    def _take(self, found: tuple[str | None, bool]) -> None:
        """Keeps an event, and ends the operation whose end it is."""
        text, over = found
        with self._lock:
            if text is not None:
                event = events._of(text)
                if isinstance(event, events.Ended):
                    self._end = event
                self._waiting.append(event)
                self._settle(event)
            if over and not self._over:
                self._over = True
                for operation in self._operations.values():
                    operation.set_exception(SessionClosed("the worker has ended", "ended"))
                self._operations.clear()

    def _settle(self, event: Event) -> None:
        if isinstance(event, events.OperationDone):
            operation = self._operations.pop(event.id, None)
            if operation is not None:
                operation.set_result(None)
        elif isinstance(event, events.OperationFailed):
            operation = self._operations.pop(event.id, None)
            if operation is not None:
                operation.set_exception(SessionError(event.reason, "refused"))

    def _asked(self, number: int) -> Operation:
        operation = Operation(self, number)
        self._operations[number] = operation
        return operation

    def accept(self, offer: events.Offered | str) -> Operation:
        """Takes a run that was offered: the event or its lease.

        Raises `SessionClosed` when the worker has ended; the operation fails when the offer is not there any more.

        >>> import spacelift_worker as sw
        >>> with sw.connect(offers="ask") as worker:
        ...     try:
        ...         worker.accept("1.1").result(timeout=30)
        ...     except sw.SessionError as error:
        ...         print(error)
        no offer with lease 1.1 waits for an answer
        """
        with self._lock:
            return self._asked(self._native.accept(_lease(offer)))

    def refuse(self, offer: events.Offered | str, reason: str = "busy", note: str | None = None) -> Operation:
        """Refuses a run that was offered. ``reason`` is a word of the protocol; ``note`` is for people, and is masked.

        Raises `ValueError` for another word, `SessionClosed`.

        >>> import spacelift_worker as sw
        >>> with sw.connect(offers="ask") as worker:
        ...     worker.refuse("1.1", "no reason")
        Traceback (most recent call last):
        ValueError: "no reason" is no reason of the protocol
        """
        with self._lock:
            return self._asked(self._native.refuse(_lease(offer), reason, note))

    def report(
        self,
        step: events.Step | int,
        output: Buffer | None = None,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
    ) -> None:
        """Tells what a step of the host printed, and how it ended: by an exit code, or by the number of a signal.

        Any thread may report. Raises `BlockingIOError` when 1 MiB of output waits already (nothing was taken: say it again after the
        event `StepReady`), `SessionError` when the step is not running.

        >>> import spacelift_worker as sw
        >>> with sw.connect(steps="host") as worker:
        ...     worker.report(1, b"output", exit_code=0)
        Traceback (most recent call last):
        spacelift_worker.errors.SessionError: step 1 is not running
        """
        number = step.step if isinstance(step, events.Step) else step
        if exit_code is not None and signal is not None:
            raise ValueError("a step ends by an exit code or by a signal, not by both")
        if output is not None and not self._native.step_output(number, output):
            raise BlockingIOError(f"1 MiB of output of step {number} waits already")
        if exit_code is not None:
            self._native.step_exited(number, exit_code, False)
        elif signal is not None:
            self._native.step_exited(number, signal, True)

    def drain(self) -> Operation:
        """Takes no new work, finishes what is in hand, ends. Raises `SessionClosed`.

        >>> import spacelift_worker as sw
        >>> with sw.connect() as worker:
        ...     worker.drain().result(timeout=30)
        >>> worker.exit_code, list(worker)[-1]
        (None, Ended(exit_code=0, reason=None))
        """
        with self._lock:
            return self._asked(self._native.drain())

    def stop_run(self) -> Operation:
        """As `drain`, and asks the run in hand to end.

        >>> import spacelift_worker as sw
        >>> with sw.connect() as worker:
        ...     worker.stop_run().result(timeout=30)
        """
        with self._lock:
            return self._asked(self._native.stop_run())

    def kill_run(self) -> Operation:
        """As `drain`, and ends the run in hand at once.

        >>> import spacelift_worker as sw
        >>> with sw.connect() as worker:
        ...     worker.kill_run().result(timeout=30)
        """
        with self._lock:
            return self._asked(self._native.kill_run())

    @property
    def exit_code(self) -> int | None:
        """The documented exit code, once the worker has ended and its last event was read.

        >>> import spacelift_worker as sw
        >>> with sw.connect() as worker:
        ...     _ = worker.drain()
        ...     rest = list(worker)
        >>> worker.exit_code
        0
        """
        return None if self._end is None else self._end.exit_code

    def fileno(self) -> int:
        """The descriptor that is readable while events wait, for ``select`` and the like. It must not be read from.

        >>> import select
        >>> import spacelift_worker as sw
        >>> with sw.connect() as worker:
        ...     readable, _, _ = select.select([worker], [], [], 30)
        >>> readable == [worker]
        True
        """
        return self._native.wake_fd()

    def __repr__(self) -> str:
        return f"<Worker{'' if self._end is None else ' that has ended'}>"

    # Threads

    def next(self, timeout: float | None = None) -> Event | None:
        """The next event; ``None`` when none came in ``timeout`` seconds. Without a timeout it waits for ever; Ctrl-C ends it.

        Raises `SessionClosed` after the last event.

        >>> import spacelift_worker as sw
        >>> with sw.connect() as worker:
        ...     event = worker.next(timeout=30)
        >>> isinstance(event, sw.events.Disconnected)
        True
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if self._waiting:
                    return self._waiting.popleft()
                if self._over:
                    raise SessionClosed("the worker has ended", "ended")
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            self._take(self._native.next(left))
            if left == 0.0 and not self._waiting and not self._over:
                return None

    def _pull_until(self, operation: Operation, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not operation.done():
            left = 0.1 if deadline is None else min(0.1, deadline - time.monotonic())
            if left <= 0:
                raise TimeoutError
            # Another thread may be the one that takes the answer.
            self._take(self._native.next(left))

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        try:
            event = self.next()
        except SessionClosed:
            raise StopIteration from None
        assert event is not None
        return event

    def close(self, grace: float | None = None) -> None:
        """Ends the worker: drains, and kills after ``grace`` seconds what is still in hand. Blocks until that is over, at most eight
        seconds longer than the grace. May be called by any thread and again; what waits can still be read.

        >>> import spacelift_worker as sw
        >>> worker = sw.connect()
        >>> worker.close(grace=0)
        >>> [type(event).__name__ for event in worker][-1]
        'Ended'
        """
        self._native.close(self._grace if grace is None else grace)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(0.0 if kind is not None else None)

    # asyncio

    def _listen(self) -> None:
        """Lets the running loop watch the descriptor."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError("this worker belongs to another event loop")
            self._loop, self._arrived, self._listening = loop, asyncio.Event(), False
        if not self._listening and not self._over and len(self._waiting) < _TAKEN_AHEAD:
            loop.add_reader(self._native.wake_fd(), self._readable)
            self._listening = True

    def _readable(self) -> None:
        for _ in range(_TAKEN_AHEAD):
            found = self._native.try_next()
            self._take(found)
            if found[0] is None:
                break
        if self._over or len(self._waiting) >= _TAKEN_AHEAD:
            self._deafen()
        if self._arrived is not None:
            self._arrived.set()

    def _deafen(self) -> None:
        if self._listening and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._native.wake_fd())
        self._listening = False

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while True:
            self._listen()
            # Nothing is awaited between looking and taking: who is cancelled loses no event.
            if self._waiting:
                return self._waiting.popleft()
            if self._over:
                raise StopAsyncIteration
            assert self._arrived is not None
            self._arrived.clear()
            if not self._waiting and not self._over:
                await self._arrived.wait()

    async def aclose(self, grace: float | None = None) -> None:
        """As `close`, for asyncio: the loop runs on meanwhile.

        >>> import asyncio
        >>> import spacelift_worker as sw
        >>> async def main():
        ...     worker = sw.connect()
        ...     await worker.aclose(grace=0)
        ...     return [event async for event in worker][-1].exit_code
        >>> asyncio.run(main())
        0
        """
        try:
            await asyncio.to_thread(self.close, grace)
        finally:
            # What waits is read by who iterates, without the loop's help.
            self._deafen()
            while not self._over:
                found = self._native.try_next()
                self._take(found)
                if found == (None, False):
                    break
            if self._arrived is not None:
                self._arrived.set()

    async def __aenter__(self) -> Worker:
        self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose(0.0 if kind is not None else None)


def _lease(offer: events.Offered | str) -> str:
    return offer.lease if isinstance(offer, events.Offered) else offer


def connect(
    config: LauncherConfig | Mapping[str, str] | None = None,
    *,
    offers: Literal["accept", "ask"] = "accept",
    steps: Literal["library", "host"] = "library",
    lines: bool = False,
    capacity: int = 1024,
    grace: float = 10.0,
) -> Worker:
    """Starts a worker, which connects by itself and again: use it in a ``with`` or ``async with`` block.

    ``config`` is a `LauncherConfig`, a mapping of variables, or the process's environment. ``offers="ask"``: each run is an event
    `Offered` to accept or refuse; else every run that can be opened is taken. ``steps="host"``: each step of a run is an
    event `Step`, to be run by you and told of with `Worker.report`; else the library runs it as a local process. ``lines``: lines of run logs
    are events, too. ``capacity``: events that wait before those are dropped that nobody has to answer. ``grace``: seconds that a run in
    hand is given when the block is left.

    Raises `ConfigError` with everything that is wrong, token, key and policy included; `ForkedError` in a child that was forked from a
    process that had connected.

    >>> import spacelift_worker as sw
    >>> sw.connect({"SPACELIFT_TOKEN": "no token", "SPACELIFT_POOL_PRIVATE_KEY": "no key"})
    Traceback (most recent call last):
    spacelift_worker.errors.ConfigError: SPACELIFT_TOKEN: unable to base64 decode token: illegal base64 data at input byte 2; copy the whole file again, on one line
    SPACELIFT_POOL_PRIVATE_KEY: unable to base64 decode privateKey: illegal base64 data at input byte 2; set it to the output of `base64 -w 0` on the key file
    """
    if not isinstance(config, LauncherConfig):
        config = LauncherConfig.from_env(os.environ if config is None else config)
    if offers not in ("accept", "ask") or steps not in ("library", "host"):
        raise ValueError("offers must be 'accept' or 'ask', and steps 'library' or 'host'")
    if not grace >= 0 or capacity < 1:
        raise ValueError("grace must not be negative, and capacity not below 1")
    _runtime.start()
    # A policy is evaluated in a process of its own, so that one that fills the memory ends nothing else.
    child = [sys.executable, "-I", "-S", "-c", _CHILD % os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    native = _native.Session(list(config._pairs), offers == "ask", steps == "host", lines, capacity, child)
    return Worker._of(native, grace)


_CHILD = "import sys; sys.path.insert(0, %r); from spacelift_worker import _native; sys.exit(_native.policy_child())"
