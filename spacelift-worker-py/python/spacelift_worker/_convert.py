"""From what a caller gives to what the library takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeAlias


class Buffer(Protocol):
    """Anything with the buffer protocol: ``bytes``, ``bytearray``, ``memoryview``, ``mmap``, arrays of bytes."""

    def __buffer__(self, flags: int, /) -> memoryview: ...


Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
"""A path, as ``open`` takes it."""


def path(given: Path) -> str:
    return os.fsdecode(given)


def text_or_bytes(given: str | Buffer) -> Buffer:
    return given.encode() if isinstance(given, str) else given


def pairs(context: Mapping[str, str] | None) -> list[tuple[str, str]]:
    return [] if context is None else list(context.items())


def as_list(values: object, kind: str) -> list[object]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"a list of {kind} is needed, not {type(values).__name__}")
    return list(values)
