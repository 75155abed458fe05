"""What workers of this process say of themselves, as records of `logging`.

The library keeps lines, and a thread of Python takes them: no thread of the library enters the interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime
import json
import logging
import os
import select
import threading
import traceback
from collections.abc import Iterator
from typing import Any

from . import _native

_LEVELS = {"trace": 5, "debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


class _Reader:
    """Takes lines and passes them on to one logger at a time."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._over = False
        self._thread = threading.Thread(target=self._read, name="spacelift-worker-log", daemon=True)
        self.logger = logging.getLogger("spacelift_worker")

    def start(self) -> None:
        self._thread.start()
        atexit.register(self._end)

    def is_here(self) -> bool:
        return self._process == os.getpid()

    def _read(self) -> None:
        waiting = select.poll()
        waiting.register(_native.log_fd(), select.POLLIN)
        while not self._over:
            waiting.poll()
            self._pass_on()

    def _end(self) -> None:
        if self.is_here():
            self._over = True
            _native.wake_log()
            self._thread.join(5)
            if not self._thread.is_alive():
                self._pass_on()

    def _pass_on(self) -> None:
        lines, dropped = _native.take_log()
        for line in lines:
            with _heard_or_shown():
                _say(self.logger, json.loads(line))
        if dropped:
            with _heard_or_shown():
                self.logger.warning("%d lines of the log were dropped, since nobody took them in time", dropped)


@contextlib.contextmanager
def _heard_or_shown() -> Iterator[None]:
    """Keeps the errors of a filter of the logger, or of a handler that does not do so itself, from ending the thread."""
    try:
        yield
    except Exception:
        if logging.raiseExceptions:
            traceback.print_exc()


def _say(logger: logging.Logger, facts: dict[str, Any]) -> None:
    level = _LEVELS.get(facts.pop("level"), logging.INFO)
    if not logger.isEnabledFor(level):
        return
    when = datetime.datetime.fromisoformat(facts.pop("ts")).timestamp()
    file, _, line = facts.pop("caller").rpartition(":")
    message = _shown(facts.pop("msg", ""))
    text = " ".join([message, *(f"{name}={_shown(value)}" for name, value in facts.items())])
    extra = {"event": message, "fields": facts}
    record = logger.makeRecord(logger.name, level, file, int(line), text, (), None, "", extra)
    record.created, record.msecs = when, when % 1 * 1000
    logger.handle(record)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_reader: _Reader | None = None
_starting = threading.Lock()


def enable_logging(logger: logging.Logger | str | None = None, *, level: int = logging.INFO) -> None:
    """Hands on what workers of this process say of themselves, from ``level`` on, to a logger: ``spacelift_worker`` where none is given.

    Without it they say nothing. Every secret of a worker and of its run is masked. A record's message holds everything; apart from
    it, ``record.event`` is the sentence and ``record.fields`` its values. A second call changes the logger and the level. Records
    come from a thread of their own, and wait there while a handler blocks; more than 1,024 that wait are counted and dropped.

    Raises `ForkedError` in a process that was forked from one in which this was called.

    >>> import logging
    >>> import spacelift_worker as sw
    >>> sw.enable_logging(logging.getLogger("workers"), level=logging.WARNING)
    """
    global _reader
    words = [word for word, number in _LEVELS.items() if number >= level]
    _native.set_log_level(words[0] if words else "off")
    with _starting:
        if _reader is None or not _reader.is_here():
            _reader = _Reader()
            _reader.start()
        _reader.logger = logger if isinstance(logger, logging.Logger) else logging.getLogger(logger or "spacelift_worker")
