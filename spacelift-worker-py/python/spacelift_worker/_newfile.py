"""A file that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import weakref
from types import TracebackType
from typing import BinaryIO


class NewFile:
    """A new file beside its place, which only its owner may read; it takes its place when the block is left without an exception."""

    def __init__(self, target: str, *, replace: bool = True) -> None:
        self._target, self._replace = target, replace
        if not replace and os.path.lexists(target):
            raise FileExistsError(17, "it is there already", target)

    def __enter__(self) -> BinaryIO:
        folder, name = os.path.split(self._target)
        self._beside = os.path.join(folder, f".{name}.{secrets.token_hex(8)}")
        # Ctrl-C may come before the block begins, or before __exit__ has begun: then this removes the file.
        self._dropped = weakref.finalize(self, _remove, self._beside)
        self._file = open(self._beside, "xb", buffering=0, opener=_private)
        return self._file

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                os.fsync(self._file.fileno())
                self._file.close()
                self._keep()
        finally:
            try:
                self._file.close()
            finally:
                _remove(self._beside)
        self._dropped.detach()

    def _keep(self) -> None:
        if self._replace:
            os.replace(self._beside, self._target)
        else:
            # Fails where another one was faster.
            os.link(self._beside, self._target)
        folder = os.open(os.path.dirname(self._target) or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
