"""Sealed run state: only who holds the pool's private key reads it, and can tell who sealed it and for what.

Nothing is handed out before it is verified. The format is documented in docs/sealed-state.md and opens without this package, too.
"""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, final

from . import _native
from ._convert import Buffer, Path, as_list, pairs, path
from .keys import PoolKey, PoolPublicKey

__all__ = [
    "RECIPIENT",
    "UNSIGNED",
    "Sealer",
    "Unsealer",
    "inspect",
    "seal",
    "seal_file",
    "sealed_len",
    "unseal",
    "unseal_file",
    "unseal_range",
]

_LONGEST_HEADER = 16_384 + 1 + 1_366 + 1


class Trust(enum.Enum):
    """Whom an unsealer trusts, beside keys that it names."""

    UNSIGNED = "unsigned"
    RECIPIENT = "recipient"

    def __repr__(self) -> str:
        return f"spacelift_worker.{self.name}"


UNSIGNED: Final = Trust.UNSIGNED
"""For ``signer`` of `unseal`: accepts what nobody signed, and refuses what somebody signed."""

RECIPIENT: Final = Trust.RECIPIENT
"""For ``signer`` of `unseal`: accepts what was signed by the key that it is sealed to, as the workspaces of a pool are."""

Signer: TypeAlias = PoolPublicKey | Iterable[PoolPublicKey] | Trust
Keys: TypeAlias = PoolKey | Iterable[PoolKey]


def _recipient(recipients: Iterable[PoolPublicKey]) -> _native.PoolPublicKey:
    given = as_list(recipients, "public keys")
    if len(given) != 1:
        raise ValueError(f"the format seals to exactly one key, and {len(given)} were given")
    if not isinstance(given[0], PoolPublicKey):
        raise TypeError(f"a recipient must be a PoolPublicKey, not {type(given[0]).__name__}")
    return given[0]._native


def _signer(signer: PoolKey | None) -> _native.PoolKey | None:
    if signer is not None and not isinstance(signer, PoolKey):
        raise TypeError(f"the signer must be a PoolKey, not {type(signer).__name__}")
    return None if signer is None else signer._native


def _keys(key: Keys) -> list[_native.PoolKey]:
    keys = [key] if isinstance(key, PoolKey) else as_list(key, "keys")
    for one in keys:
        if not isinstance(one, PoolKey):
            raise TypeError(f"a key must be a PoolKey, not {type(one).__name__}")
    return [one._native for one in keys if isinstance(one, PoolKey)]


def _trusted(signer: Signer) -> list[_native.PoolPublicKey] | str:
    if isinstance(signer, Trust):
        return signer.value
    signers = [signer] if isinstance(signer, PoolPublicKey) else as_list(signer, "public keys")
    for one in signers:
        if not isinstance(one, PoolPublicKey):
            raise TypeError(f"a signer must be a PoolPublicKey, UNSIGNED or RECIPIENT, not {type(one).__name__}")
    return [one._native for one in signers if isinstance(one, PoolPublicKey)]


def seal(
    data: Buffer,
    *,
    recipients: Sequence[PoolPublicKey],
    context: Mapping[str, str] | None = None,
    signer: PoolKey | None = None,
) -> bytes:
    """Seals bytes in memory.

    ``recipients`` is the public key that it is sealed to, in a list. ``context`` says for what it is: at most 16 pairs, keys out
    of a-z and ``_``, values of printable ASCII; it is public, and whoever opens it must expect exactly the same. ``signer``
    signs; without one, whoever knows the recipient's public key could have made it.

    Raises `ValueError` for a context that cannot be written, `SealError` where sealing is not possible.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> sealed = sw.seal(b"plan", recipients=[key.public_key()], context={"run": "1"}, signer=key)
    >>> sw.unseal(sealed, key=key, context={"run": "1"}, signer=key.public_key())
    b'plan'
    """
    return _native.seal(data, _recipient(recipients), pairs(context), _signer(signer))


def unseal(
    sealed: Buffer,
    *,
    key: Keys,
    context: Mapping[str, str] | None = None,
    signer: Signer,
) -> bytes:
    """Opens sealed bytes in memory.

    ``key`` is the private key, or several while a pool changes its own. ``context`` must be exactly what it was sealed
    for. ``signer`` is whom to trust, one key or several; there is no default. `UNSIGNED` takes what nobody signed, `RECIPIENT`
    what the recipient signed itself.

    Raises `SealError` whose ``code`` tells why: see there.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> sealed = sw.seal(b"plan", recipients=[key.public_key()])
    >>> sw.unseal(sealed, key=key, signer=sw.UNSIGNED)
    b'plan'
    >>> try:
    ...     sw.unseal(sealed, key=key, signer=key.public_key())
    ... except sw.SealError as error:
    ...     print(error.code)
    unsigned
    """
    return _native.unseal(sealed, _keys(key), pairs(context), _trusted(signer))


def seal_file(
    src: Path,
    dst: Path,
    *,
    recipients: Sequence[PoolPublicKey],
    context: Mapping[str, str] | None = None,
    signer: PoolKey | None = None,
) -> int:
    """Seals the file ``src`` into ``dst`` in constant memory, and returns the sealed length in bytes.

    ``dst`` appears whole or not at all, and only its owner may read it. Options are those of `seal`.

    Raises `OSError` for files, `SealError` when ``src`` changes its length meanwhile.

    >>> import pathlib, tempfile
    >>> import spacelift_worker as sw
    >>> key, folder = sw.PoolKey.generate(bits=2048), pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "plan").write_bytes(b"plan")
    >>> length = sw.seal_file(folder / "plan", folder / "sealed", recipients=[key.public_key()], signer=key)
    >>> length == (folder / "sealed").stat().st_size
    True
    """
    return _native.seal_file(path(src), path(dst), _recipient(recipients), pairs(context), _signer(signer))


def unseal_file(
    src: Path,
    dst: Path,
    *,
    key: Keys,
    context: Mapping[str, str] | None = None,
    signer: Signer,
) -> int:
    """Opens the sealed file ``src`` into ``dst`` in constant memory, and returns the plaintext's length in bytes.

    ``dst`` appears only when all of it is verified. Options are those of `unseal`.

    Raises `OSError` for files, `SealError` when it does not open.

    >>> import pathlib, tempfile
    >>> import spacelift_worker as sw
    >>> key, folder = sw.PoolKey.generate(bits=2048), pathlib.Path(tempfile.mkdtemp())
    >>> sealed = sw.seal(b"plan", recipients=[key.public_key()], signer=key)
    >>> _ = (folder / "sealed").write_bytes(sealed)
    >>> sw.unseal_file(folder / "sealed", folder / "plan", key=key, signer=key.public_key())
    4
    """
    return _native.unseal_file(path(src), path(dst), _keys(key), pairs(context), _trusted(signer))


def unseal_range(
    src: Path,
    offset: int,
    length: int,
    *,
    key: Keys,
    context: Mapping[str, str] | None = None,
    signer: Signer,
) -> bytes:
    """Opens ``length`` bytes from ``offset`` on out of the sealed file ``src``, and reads little else of it.

    What it gives is verified, and that the file has its end; that the rest of it is sound is not said.

    Raises `ValueError` for a range outside of the plaintext, `OSError`, `SealError`.

    >>> import pathlib, tempfile
    >>> import spacelift_worker as sw
    >>> key, file = sw.PoolKey.generate(bits=2048), pathlib.Path(tempfile.mkdtemp(), "sealed")
    >>> _ = file.write_bytes(sw.seal(b"0123456789", recipients=[key.public_key()]))
    >>> sw.unseal_range(file, 3, 4, key=key, signer=sw.UNSIGNED)
    b'3456'
    """
    if offset < 0 or length < 0:
        raise ValueError("offset and length must not be negative")
    return _native.unseal_range(path(src), offset, length, _keys(key), pairs(context), _trusted(signer))


def sealed_len(
    plain_len: int,
    *,
    recipients: Sequence[PoolPublicKey],
    context: Mapping[str, str] | None = None,
    signer: PoolPublicKey | None = None,
) -> int:
    """The length of what is sealed, known before anything is: pre-signed uploads need it. ``signer`` is the public key.

    Raises `ValueError` for a context that cannot be written, `SealError` for more than 4 PiB.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> sw.sealed_len(4, recipients=[key.public_key()]) == len(sw.seal(b"plan", recipients=[key.public_key()]))
    True
    """
    if plain_len < 0:
        raise ValueError("a length must not be negative")
    known = None if signer is None else signer._native
    return _native.sealed_len(plain_len, _recipient(recipients), pairs(context), known)


def inspect(sealed: Buffer | os.PathLike[str]) -> dict[str, Any]:
    """The header of something sealed, as a dict. **Nothing is verified**: it is what the file says of itself.

    ``kid`` names the key that it is sealed to, ``signer`` the one that claims to have signed it (``None``: nobody), and
    ``context`` says for what it is. Takes the bytes, of which the beginning is enough, or a path.

    Raises `SealError` with code ``form``, ``version`` or ``cut_short``.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> header = sw.inspect(sw.seal(b"plan", recipients=[key.public_key()], context={"run": "1"}))
    >>> header["context"], header["signer"], header["kid"] == key.public_key().kid
    ({'run': '1'}, None, True)
    """
    if isinstance(sealed, os.PathLike):
        with open(sealed, "rb") as file:
            sealed = file.read(_LONGEST_HEADER)
    start = bytes(memoryview(sealed)[:_LONGEST_HEADER])
    header: dict[str, Any] = json.loads(start[: _native.inspect(start)])
    header.setdefault("signer", None)
    return header


@final
class Sealer:
    """Seals what comes in pieces.

    Options are those of `seal`. With ``plain_len``, the plaintext's length in bytes, another length is an error. A sealer
    belongs to one thread at a time; others wait for it.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> sealer = sw.Sealer(recipients=[key.public_key()], signer=key)
    >>> sealed = sealer.update(b"pl") + sealer.update(b"an") + sealer.finish()
    >>> sw.unseal(sealed, key=key, signer=key.public_key())
    b'plan'
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        *,
        recipients: Sequence[PoolPublicKey],
        context: Mapping[str, str] | None = None,
        signer: PoolKey | None = None,
        plain_len: int | None = None,
    ) -> None:
        self._native = _native.Sealer(_recipient(recipients), pairs(context), _signer(signer), plain_len)

    def update(self, data: Buffer) -> bytes:
        """Takes the next piece and returns what is ready, which may be nothing.

        Raises `SealError`, the same one again at each further call, and `ValueError` when it is finished.

        >>> import spacelift_worker as sw
        >>> sealer = sw.Sealer(recipients=[sw.PoolKey.generate(bits=2048).public_key()])
        >>> sealer.update(b"plan")[:7]
        b'{"v":1,'
        """
        return self._native.update(data)

    def update_into(self, data: Buffer, buffer: Buffer) -> int:
        """As `update`, and writes what is ready into ``buffer``; returns how many bytes that were.

        What does not fit waits and comes first in the next call: ``pending`` tells. A buffer of ``len(data)`` bytes and 24 KiB
        always fits all of it.

        >>> import spacelift_worker as sw
        >>> sealer, buffer = sw.Sealer(recipients=[sw.PoolKey.generate(bits=2048).public_key()]), bytearray(7)
        >>> sealer.update_into(b"plan", buffer), bytes(buffer), sealer.pending > 0
        (7, b'{"v":1,', True)
        """
        return self._native.update_into(data, buffer)

    def finish(self) -> bytes:
        """Ends it and returns the rest; without it the file does not open.

        >>> import spacelift_worker as sw
        >>> key = sw.PoolKey.generate(bits=2048)
        >>> sealer = sw.Sealer(recipients=[key.public_key()])
        >>> sw.unseal(sealer.finish(), key=key, signer=sw.UNSIGNED)
        b''
        """
        return self._native.finish()

    finalize = finish

    @property
    def pending(self) -> int:
        """How many bytes wait because a buffer was too small.

        >>> import spacelift_worker as sw
        >>> sw.Sealer(recipients=[sw.PoolKey.generate(bits=2048).public_key()]).pending
        0
        """
        return self._native.pending()

    def __repr__(self) -> str:
        return "<Sealer>"


@final
class Unsealer:
    """Opens what comes in pieces. **Nothing may be believed of the whole before** `finish` returned.

    Options are those of `unseal`.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> sealed = sw.seal(b"plan", recipients=[key.public_key()], signer=key)
    >>> unsealer = sw.Unsealer(key=key, signer=key.public_key())
    >>> unsealer.update(sealed[:500]) + unsealer.update(sealed[500:]) + unsealer.finish()
    b'plan'
    """

    __slots__ = ("_native",)

    def __init__(self, *, key: Keys, context: Mapping[str, str] | None = None, signer: Signer) -> None:
        self._native = _native.Unsealer(_keys(key), pairs(context), _trusted(signer))

    def update(self, data: Buffer) -> bytes:
        """Takes the next piece and returns what is verified by now, in whole chunks of 16 KiB.

        Raises `SealError`, the same one again at each further call, and `ValueError` when it is finished.

        >>> import spacelift_worker as sw
        >>> unsealer = sw.Unsealer(key=sw.PoolKey.generate(bits=2048), signer=sw.UNSIGNED)
        >>> unsealer.update(b'{"v":')
        b''
        """
        return self._native.update(data)

    def update_into(self, data: Buffer, buffer: Buffer) -> int:
        """As `update`, and writes what is verified into ``buffer``; returns how many bytes that were.

        What does not fit waits and comes first in the next call: ``pending`` tells. A buffer of ``len(data)`` bytes and 16 KiB
        always fits all of it.

        >>> import spacelift_worker as sw
        >>> unsealer = sw.Unsealer(key=sw.PoolKey.generate(bits=2048), signer=sw.UNSIGNED)
        >>> unsealer.update_into(b'{"v":', bytearray(10))
        0
        """
        return self._native.update_into(data, buffer)

    def finish(self) -> bytes:
        """Verifies the end and returns the rest. Only now is the plaintext whole and authentic.

        Raises `SealError` when the end is missing.

        >>> import spacelift_worker as sw
        >>> try:
        ...     sw.Unsealer(key=sw.PoolKey.generate(bits=2048), signer=sw.UNSIGNED).finish()
        ... except sw.SealError as error:
        ...     print(error.code)
        cut_short
        """
        return self._native.finish()

    finalize = finish

    @property
    def pending(self) -> int:
        """How many bytes wait because a buffer was too small.

        >>> import spacelift_worker as sw
        >>> sw.Unsealer(key=sw.PoolKey.generate(bits=2048), signer=sw.UNSIGNED).pending
        0
        """
        return self._native.pending()

    def __repr__(self) -> str:
        return "<Unsealer>"
