"""Messages between worker and control plane, as they are read: for who writes another worker or control plane.

The messages themselves are described in docs/protocol.md.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from . import _native
from ._convert import Buffer, text_or_bytes

__all__ = ["read"]


def read(message: str | Buffer, *, direction: Literal["to_worker", "from_worker"]) -> dict[str, Any]:
    """Reads a message as version 1 understands it: unknown fields gone, absent ones filled in, unknown words ``other``.

    Raises `WorkerError`. Its ``details["reason"]`` is the reason that goes back to the sender where ``details["id"]`` names the
    message; without an id it is dropped without a word.

    >>> import spacelift_worker as sw
    >>> try:
    ...     sw.protocol.read("[]", direction="to_worker")
    ... except sw.WorkerError as error:
    ...     print(error.details)
    {'id': None, 'reason': 'malformed'}
    """
    if direction not in ("to_worker", "from_worker"):
        raise ValueError("direction must be 'to_worker' or 'from_worker'")
    read: dict[str, Any] = json.loads(_native.read_message(text_or_bytes(message), direction == "to_worker"))
    return read
