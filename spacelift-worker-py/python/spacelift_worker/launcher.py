"""A ready launcher: configuration in, runs out."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from . import _native, events
from .config import LauncherConfig
from .errors import SessionClosed
from .events import Event
from .session import Worker, connect

__all__ = ["protect_process", "run_launcher"]

_log = logging.getLogger("spacelift_worker")


def protect_process() -> None:
    """Keeps runs from the pool's key: no other process of this user reads this one's memory or environment or traces it, and it
    leaves no core file. It holds for the whole process until it ends. A run that is root is not kept out.

    Raises `WorkerError` when the system refuses.

    >>> import spacelift_worker as sw
    >>> sw.protect_process()
    """
    _native.protect_process()


def run_launcher(
    config: LauncherConfig | Mapping[str, str] | None = None, *, on_event: Callable[[Event], object] | None = None
) -> int:
    """Works until it is asked to end, and returns the documented exit code: 0 asked to end, 1 failed, 3 never connected, 4 cycled.

    In the main thread, SIGTERM and SIGINT ask: the first one drains and waits for the run in hand, a second one stops the run, a third
    one kills it; the handlers that were there before are there again after. The process is protected first, see `protect_process`. What happens is logged by the logger ``spacelift_worker``, and
    ``on_event`` is called with each event.

    Raises `ConfigError` with everything that is wrong.

    >>> import spacelift_worker as sw
    >>> try:
    ...     sw.run_launcher({})
    ... except sw.ConfigError as error:
    ...     print(len(error.problems))
    2
    """
    protect_process()
    with connect(config) as worker:
        restore = _handle_signals(worker) if threading.current_thread() is threading.main_thread() else {}
        try:
            for event in worker:
                _tell(event)
                if on_event is not None:
                    on_event(event)
        finally:
            for number, handler in restore.items():
                signal.signal(number, handler)
    return 1 if worker.exit_code is None else worker.exit_code


def _handle_signals(worker: Worker) -> dict[signal.Signals, Any]:
    times = 0

    def asked(number: int, frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        command = {1: worker.drain, 2: worker.stop_run}.get(times, worker.kill_run)
        try:
            command()
        except SessionClosed:
            pass

    return {number: signal.signal(number, asked) for number in (signal.SIGTERM, signal.SIGINT)}


def _tell(event: Event) -> None:
    match event:
        case events.Disconnected() | events.Refused() | events.LeaseEnded() | events.Lagged():
            _log.warning("%s", event)
        case events.Renewed() | events.OperationDone() | events.Line():
            _log.debug("%s", event)
        case _:
            _log.info("%s", event)
