"""Cobblestone-256 (c2sp.org/chunked-encryption): encryption of a stream in chunks of 16 KiB under a key of 32 random bytes.

Sealed run state is this with a header; here it stands alone.

>>> from spacelift_worker import cobblestone
>>> encryptor = cobblestone.Encryptor(bytes(32), context=b"backup")
>>> message = encryptor.update(b"data") + encryptor.finalize()
>>> decryptor = cobblestone.Decryptor(bytes(32), context=b"backup")
>>> decryptor.update(message) + decryptor.finalize()
b'data'
"""

from __future__ import annotations

from typing import final

from . import _native
from ._convert import Buffer

__all__ = ["Decryptor", "Encryptor"]


@final
class Encryptor:
    """Encrypts one message that comes in pieces. ``key`` must be 32 random bytes; ``context`` is authenticated.

    Raises `ValueError` for another length of the key.

    >>> from spacelift_worker import cobblestone
    >>> cobblestone.Encryptor(b"short")
    Traceback (most recent call last):
    ValueError: the key must have 32 bytes
    """

    __slots__ = ("_native",)

    def __init__(self, key: Buffer, context: Buffer = b"") -> None:
        self._native = _native.Encryptor(key, context)

    def update(self, data: Buffer) -> bytes:
        """Takes the next piece and returns what is ready, which may be nothing.

        >>> from spacelift_worker import cobblestone
        >>> len(cobblestone.Encryptor(bytes(32)).update(b"data"))  # salt and commitment
        56
        """
        return self._native.update(data)

    def update_into(self, data: Buffer, buffer: Buffer) -> int:
        """As `update`, into ``buffer``; returns how many bytes. What does not fit waits for the next call (``pending``).

        >>> from spacelift_worker import cobblestone
        >>> cobblestone.Encryptor(bytes(32)).update_into(b"data", bytearray(100))
        56
        """
        return self._native.update_into(data, buffer)

    def finalize(self) -> bytes:
        """Ends the message and returns the rest.

        Raises `ValueError` when it is finished.

        >>> from spacelift_worker import cobblestone
        >>> len(cobblestone.Encryptor(bytes(32)).finalize())
        72
        """
        return self._native.finish()

    @property
    def pending(self) -> int:
        """How many bytes wait because a buffer was too small.

        >>> from spacelift_worker import cobblestone
        >>> cobblestone.Encryptor(bytes(32)).pending
        0
        """
        return self._native.pending()

    def __repr__(self) -> str:
        return "<cobblestone.Encryptor>"


@final
class Decryptor:
    """Decrypts one message that comes in pieces, with the key and context that it was encrypted with.

    **Nothing may be believed of the whole before** `finalize` returned.

    >>> from spacelift_worker import cobblestone
    >>> message = cobblestone.Encryptor(bytes(32)).finalize()
    >>> decryptor = cobblestone.Decryptor(bytes(32))
    >>> decryptor.update(message) + decryptor.finalize()
    b''
    """

    __slots__ = ("_native",)

    def __init__(self, key: Buffer, context: Buffer = b"") -> None:
        self._native = _native.Decryptor(key, context)

    def update(self, data: Buffer) -> bytes:
        """Takes the next piece and returns what is verified by now.

        Raises `SealError` with code ``damaged``, again at each further call.

        >>> import spacelift_worker as sw
        >>> try:
        ...     sw.cobblestone.Decryptor(bytes(32)).update(bytes(100))
        ... except sw.SealError as error:
        ...     print(error.code)
        damaged
        """
        return self._native.update(data)

    def update_into(self, data: Buffer, buffer: Buffer) -> int:
        """As `update`, into ``buffer``; returns how many bytes. What does not fit waits for the next call (``pending``).

        >>> from spacelift_worker import cobblestone
        >>> cobblestone.Decryptor(bytes(32)).update_into(b"", bytearray(10))
        0
        """
        return self._native.update_into(data, buffer)

    def finalize(self) -> bytes:
        """Verifies the end and returns the rest.

        Raises `SealError` when the end is missing, `ValueError` when it is finished.

        >>> import spacelift_worker as sw
        >>> try:
        ...     sw.cobblestone.Decryptor(bytes(32)).finalize()
        ... except sw.SealError as error:
        ...     print(error.code)
        damaged
        """
        return self._native.finish()

    @property
    def pending(self) -> int:
        """How many bytes wait because a buffer was too small.

        >>> from spacelift_worker import cobblestone
        >>> cobblestone.Decryptor(bytes(32)).pending
        0
        """
        return self._native.pending()

    def __repr__(self) -> str:
        return "<cobblestone.Decryptor>"
