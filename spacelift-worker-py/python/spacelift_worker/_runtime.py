"""The threads of the library, which leave signals to the interpreter."""

from __future__ import annotations

import signal

from . import _native


def start() -> None:
    """Makes the threads if they are not there. They inherit a mask in which every signal is blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        _native.start_runtime()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
