"""File objects that seal what is written to them, and that read what is sealed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, final

from ._convert import Buffer
from .crypto import Keys, Sealer, Signer, Unsealer
from .keys import PoolKey, PoolPublicKey

__all__ = ["SealWriter", "UnsealReader"]

_BATCH = 256 * 1024


class Writable(Protocol):
    """A binary file that can be written to."""

    def write(self, data: bytes, /) -> object: ...


class Readable(Protocol):
    """A binary file that can be read."""

    def read(self, size: int, /) -> bytes | None: ...


def write_all(file: Writable, data: bytes) -> None:
    """Writes all of it, to a raw file, too, which may take less at a time."""
    rest = memoryview(data)
    while rest:
        taken = file.write(bytes(rest) if len(rest) < len(data) else data)
        if not isinstance(taken, int):
            if taken is None and isinstance(file, io.RawIOBase):
                raise BlockingIOError("the file takes no bytes now; give one that waits")
            return
        rest = rest[taken:]
        data = bytes(rest)


@final
class SealWriter(io.RawIOBase):
    """A file object that seals into another one. Its ``close`` writes the end, and the other file stays open.

    Leaving a ``with`` block by an exception leaves the file without its end, so that it never opens. Options are those of
    `seal`.

    >>> import io
    >>> import spacelift_worker as sw
    >>> key, file = sw.PoolKey.generate(bits=2048), io.BytesIO()
    >>> with sw.SealWriter(file, recipients=[key.public_key()], signer=key) as writer:
    ...     writer.write(b"plan")
    4
    >>> sw.unseal(file.getvalue(), key=key, signer=key.public_key())
    b'plan'
    """

    def __init__(
        self,
        fileobj: Writable,
        *,
        recipients: Sequence[PoolPublicKey],
        context: Mapping[str, str] | None = None,
        signer: PoolKey | None = None,
        plain_len: int | None = None,
    ) -> None:
        super().__init__()
        self._sealer: Sealer | None = None
        self._file = fileobj
        self._sealer = Sealer(recipients=recipients, context=context, signer=signer, plain_len=plain_len)

    def writable(self) -> bool:
        """Always.

        >>> import io
        >>> import spacelift_worker as sw
        >>> sw.SealWriter(io.BytesIO(), recipients=[sw.PoolKey.generate(bits=2048).public_key()]).writable()
        True
        """
        return True

    def write(self, data: Buffer, /) -> int:
        """Seals ``data`` and writes what is ready. Returns its length: all of it is taken.

        Raises `ValueError` when it is closed, `SealError`, and whatever the other file raises. After an error of the other file
        the sealed file has a hole and does not open.

        >>> import io
        >>> import spacelift_worker as sw
        >>> sw.SealWriter(io.BytesIO(), recipients=[sw.PoolKey.generate(bits=2048).public_key()]).write(b"plan")
        4
        """
        if self._sealer is None:
            raise ValueError("write to a closed SealWriter")
        sealer, self._sealer = self._sealer, None
        write_all(self._file, sealer.update(data))
        # Only now: what follows a hole would not open.
        self._sealer = sealer
        return memoryview(data).nbytes

    def close(self) -> None:
        """Writes the end, flushes the other file and leaves it open. Closing twice is closing once.

        >>> import io
        >>> import spacelift_worker as sw
        >>> writer = sw.SealWriter(io.BytesIO(), recipients=[sw.PoolKey.generate(bits=2048).public_key()])
        >>> writer.close(), writer.closed
        (None, True)
        """
        sealer, self._sealer = self._sealer, None
        try:
            if sealer is not None and not self.closed:
                write_all(self._file, sealer.finish())
                flush = getattr(self._file, "flush", None)
                if flush is not None:
                    flush()
        finally:
            super().close()

    def abort(self) -> None:
        """Closes without the end: what was written never opens.

        >>> import io
        >>> import spacelift_worker as sw
        >>> key, file = sw.PoolKey.generate(bits=2048), io.BytesIO()
        >>> writer = sw.SealWriter(file, recipients=[key.public_key()])
        >>> _ = writer.write(b"plan")
        >>> writer.abort()
        >>> try:
        ...     sw.unseal(file.getvalue(), key=key, signer=sw.UNSIGNED)
        ... except sw.SealError as error:
        ...     print(error.code)
        damaged
        """
        self._sealer = None
        super().close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        # Nobody said that it was all.
        self._sealer = None


@final
class UnsealReader(io.RawIOBase):
    """A file object that opens what another one has sealed. It gives verified bytes alone.

    **Nothing may be believed of the whole before it has been read to its end**: a file that was cut raises there. Options are those of
    `unseal`.

    >>> import io
    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> file = io.BytesIO(sw.seal(b"plan", recipients=[key.public_key()], signer=key))
    >>> with sw.UnsealReader(file, key=key, signer=key.public_key()) as reader:
    ...     reader.read()
    b'plan'
    """

    def __init__(
        self, fileobj: Readable, *, key: Keys, context: Mapping[str, str] | None = None, signer: Signer
    ) -> None:
        super().__init__()
        self._file = fileobj
        self._unsealer: Unsealer | None = Unsealer(key=key, context=context, signer=signer)
        self._plain = memoryview(b"")
        self._failed: BaseException | None = None

    def readable(self) -> bool:
        """Always.

        >>> import io
        >>> import spacelift_worker as sw
        >>> sw.UnsealReader(io.BytesIO(), key=sw.PoolKey.generate(bits=2048), signer=sw.UNSIGNED).readable()
        True
        """
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Reads verified bytes into ``buffer`` and returns how many; 0 at the end, which is verified, too.

        Raises `ValueError` when it is closed, `SealError`, and whatever the other file raises.

        >>> import io
        >>> import spacelift_worker as sw
        >>> key, buffer = sw.PoolKey.generate(bits=2048), bytearray(8)
        >>> file = io.BytesIO(sw.seal(b"plan", recipients=[key.public_key()]))
        >>> sw.UnsealReader(file, key=key, signer=sw.UNSIGNED).readinto(buffer)
        4
        """
        if self.closed:
            raise ValueError("read of a closed UnsealReader")
        place = memoryview(buffer).cast("B")
        while place and not self._plain and self._unsealer is not None:
            self._fill(self._unsealer)
        taken = min(len(place), len(self._plain))
        place[:taken], self._plain = self._plain[:taken], self._plain[taken:]
        return taken

    def _fill(self, unsealer: Unsealer) -> None:
        if self._failed is not None:
            raise self._failed
        try:
            sealed = self._file.read(_BATCH)
            if sealed is None:
                raise BlockingIOError("the file has no bytes now; give one that waits")
            if sealed:
                self._plain = memoryview(unsealer.update(sealed))
            else:
                plain = unsealer.finish()
                self._unsealer, self._plain = None, memoryview(plain)
        except BlockingIOError:
            raise
        except Exception as error:
            self._failed = error
            raise
