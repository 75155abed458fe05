"""A bar on a terminal for work that takes long."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

# Seconds: nothing is shown of quick work, and the bar is drawn anew this often.
_QUICK, _AGAIN = 0.4, 0.1


def shown(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


class Progress:
    """How far work on ``total`` bytes is (``None``: nobody knows), on standard error where that is a terminal."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._start = time.monotonic()
        self._next = self._start + _QUICK
        self._drawn = False
        self._on = sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def add(self, count: int) -> None:
        """So many more bytes are done."""
        self._done += count
        if self._on and (now := time.monotonic()) >= self._next:
            self._next, self._drawn = now + _AGAIN, True
            sys.stderr.write("\r" + self._line(now) + "\x1b[K")
            sys.stderr.flush()

    def _line(self, now: float) -> str:
        speed = f"{shown(self._done / max(now - self._start, 1e-9))}/s"
        if not self._total:
            return f"{self._what}  {shown(self._done)}  {speed}"
        part = min(self._done / self._total, 1.0)
        tail = f" {part:4.0%}  {shown(self._done)} of {shown(self._total)}  {speed}"
        room = max(10, min(40, shutil.get_terminal_size().columns - len(self._what) - len(tail) - 5))
        full = int(room * part)
        return f"{self._what}  [{'#' * full}{'.' * (room - full)}]{tail}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
