"""The pool's key, its public half, and the pool's token."""

from __future__ import annotations

import datetime
from typing import final

from . import _native
from ._convert import Buffer, text_or_bytes

__all__ = ["PoolKey", "PoolPublicKey", "PoolToken"]

_NativePoolKey = _native.PoolKey
_NativePoolPublicKey = _native.PoolPublicKey
_NativePoolToken = _native.PoolToken


def _utc(seconds: int) -> datetime.datetime:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return epoch + datetime.timedelta(seconds=seconds)


@final
class PoolPublicKey:
    """The public half of a pool's key, or a control plane's public key. Made by its class methods.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> sw.PoolPublicKey.from_pem(key.public_key().to_pem()) == key.public_key()
    True
    """

    __slots__ = ("_native",)
    _native: _NativePoolPublicKey

    def __init__(self) -> None:
        raise TypeError("use PoolPublicKey.from_pem or PoolPublicKey.from_certificate")

    @classmethod
    def _of(cls, native: _NativePoolPublicKey) -> PoolPublicKey:
        made = object.__new__(cls)
        object.__setattr__(made, "_native", native)
        return made

    @classmethod
    def from_pem(cls, pem: str | Buffer) -> PoolPublicKey:
        """Reads a public key in PEM (``PUBLIC KEY``).

        Raises `KeyFormatError`.

        >>> import spacelift_worker as sw
        >>> sw.PoolPublicKey.from_pem("nothing")
        Traceback (most recent call last):
        spacelift_worker.errors.KeyFormatError: the public key or certificate cannot be read: this is no PEM text: it has no line -----BEGIN …-----
        """
        return cls._of(_native.PoolPublicKey.from_pem(text_or_bytes(pem)))

    @classmethod
    def from_certificate(cls, pem: str | Buffer) -> PoolPublicKey:
        """Reads the public key out of the first certificate in PEM.

        Raises `KeyFormatError`.

        >>> import spacelift_worker as sw
        >>> sw.PoolPublicKey.from_certificate("nothing")
        Traceback (most recent call last):
        spacelift_worker.errors.KeyFormatError: the public key or certificate cannot be read: this is no PEM text: it has no line -----BEGIN …-----
        """
        return cls._of(_native.PoolPublicKey.from_certificate(text_or_bytes(pem)))

    def to_pem(self) -> bytes:
        """The key in PEM.

        >>> import spacelift_worker as sw
        >>> sw.PoolKey.generate(bits=2048).public_key().to_pem()[:26]
        b'-----BEGIN PUBLIC KEY-----'
        """
        return self._native.to_pem()

    @property
    def kid(self) -> str:
        """The key's name in headers: base64url of SHA-256 over its SubjectPublicKeyInfo.

        >>> import spacelift_worker as sw
        >>> len(sw.PoolKey.generate(bits=2048).public_key().kid)
        43
        """
        return self._native.kid()

    @property
    def bits(self) -> int:
        """The length of the modulus.

        >>> import spacelift_worker as sw
        >>> sw.PoolKey.generate(bits=2048).public_key().bits
        2048
        """
        return self._native.bits()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} cannot be set: a key does not change")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PoolPublicKey) and self.kid == other.kid

    def __hash__(self) -> int:
        return hash(self.kid)

    def __repr__(self) -> str:
        return f"<PoolPublicKey kid={self.kid!r}>"


@final
class PoolKey:
    """The private key that all workers of a pool share: it opens run state and authenticates the worker.

    It is never shown: ``repr`` gives the public key's name. Made by its class methods.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> sw.PoolKey.from_pem(key.to_pem()) == key
    True
    """

    __slots__ = ("_native", "_public")
    _native: _NativePoolKey
    _public: PoolPublicKey

    def __init__(self) -> None:
        raise TypeError("use PoolKey.generate or PoolKey.from_pem")

    @classmethod
    def _of(cls, native: _NativePoolKey) -> PoolKey:
        made = object.__new__(cls)
        object.__setattr__(made, "_native", native)
        object.__setattr__(made, "_public", PoolPublicKey._of(native.public_key()))
        return made

    @classmethod
    def generate(cls, bits: int = 4096) -> PoolKey:
        """Makes a key of 2048, 3072, 4096 or 8192 bits. 4096 bits take about a second, and other threads run meanwhile.

        Raises `KeyFormatError` for another length.

        >>> import spacelift_worker as sw
        >>> sw.PoolKey.generate(bits=2048).public_key().bits
        2048
        """
        return cls._of(_native.PoolKey.generate(bits))

    @classmethod
    def from_pem(cls, pem: str | Buffer, *, password: str | Buffer | None = None) -> PoolKey:
        """Reads a key in PEM: PKCS#8 (``PRIVATE KEY``) or PKCS#1 (``RSA PRIVATE KEY``); with a ``password``, PKCS#8 that it protects
        (``ENCRYPTED PRIVATE KEY``: AES, with PBKDF2 or scrypt).

        Raises `KeyFormatError`; its ``code`` is ``encrypted`` where a password is needed, ``not_encrypted`` where none is,
        ``passphrase`` for another password, and ``encryption`` for a protection that is not read, such as DES.

        >>> import spacelift_worker as sw
        >>> key = sw.PoolKey.generate(bits=2048)
        >>> sw.PoolKey.from_pem(key.to_pem().decode()) == key
        True
        >>> sw.PoolKey.from_pem(key.to_pem(), password="correct horse")
        Traceback (most recent call last):
        spacelift_worker.errors.KeyFormatError: the private key is not protected by a passphrase; leave the passphrase out, or protect the key
        """
        return cls._of(_native.PoolKey.from_pem(text_or_bytes(pem), None if password is None else text_or_bytes(password)))

    @classmethod
    def from_der(cls, der: Buffer) -> PoolKey:
        """Reads an unencrypted key in DER: PKCS#8 or PKCS#1.

        Raises `KeyFormatError`.

        >>> import spacelift_worker as sw
        >>> key = sw.PoolKey.generate(bits=2048)
        >>> sw.PoolKey.from_der(key.to_der()) == key
        True
        """
        return cls._of(_native.PoolKey.from_der(der))

    def to_pem(self) -> bytes:
        """The key as PKCS#8 in PEM. It is the secret itself: write it where only you can read.

        >>> import spacelift_worker as sw
        >>> sw.PoolKey.generate(bits=2048).to_pem()[:27]
        b'-----BEGIN PRIVATE KEY-----'
        """
        return self._native.to_pem()

    def to_der(self) -> bytes:
        """The key as PKCS#8 in DER. It is the secret itself.

        >>> import spacelift_worker as sw
        >>> sw.PoolKey.generate(bits=2048).to_der()[0]
        48
        """
        return self._native.to_der()

    def csr(self, common_name: str) -> bytes:
        """A certificate request in PEM with the subject ``CN=common_name``, to create a pool with.

        Raises `ValueError` for a name that has no place in a request.

        >>> import spacelift_worker as sw
        >>> sw.PoolKey.generate(bits=2048).csr("workers.example.com")[:35]
        b'-----BEGIN CERTIFICATE REQUEST-----'
        """
        return self._native.csr(common_name)

    def public_key(self) -> PoolPublicKey:
        """The public half.

        >>> import spacelift_worker as sw
        >>> key = sw.PoolKey.generate(bits=2048)
        >>> key.public_key() == key.public_key()
        True
        """
        return self._public

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} cannot be set: a key does not change")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PoolKey) and self._public == other._public

    def __hash__(self) -> int:
        return hash(("private", self._public))

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a private key is not pickled; pass to_pem() where it must go")

    def __repr__(self) -> str:
        return f"<PoolKey kid={self._public.kid!r}>"


@final
class PoolToken:
    """A worker pool token (``SPACELIFT_TOKEN``). It is a secret, and ``repr`` shows the pool and the broker alone.

    ``PoolToken.parse`` makes one.

    >>> import spacelift_worker as sw
    >>> sw.PoolToken.parse("e30=")
    Traceback (most recent call last):
    spacelift_worker.errors.TokenError: the token has no broker.endpoint; it is not a worker pool token, or one of another kind: download it again
    """

    __slots__ = ("_native",)
    _native: _NativePoolToken

    def __init__(self) -> None:
        raise TypeError("use PoolToken.parse")

    @classmethod
    def parse(cls, text: str | Buffer) -> PoolToken:
        """Reads the text of a token: base64 of a JSON object, white space around it allowed.

        Raises `TokenError`.

        >>> import spacelift_worker as sw
        >>> sw.PoolToken.parse("%")
        Traceback (most recent call last):
        spacelift_worker.errors.TokenError: unable to base64 decode token: illegal base64 data at input byte 0; copy the whole file again, on one line
        """
        given = text if isinstance(text, str) else memoryview(text).tobytes().decode("utf-8", "replace")
        made = object.__new__(cls)
        object.__setattr__(made, "_native", _native.PoolToken.parse(given))
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} cannot be set: a token does not change")

    @property
    def broker_endpoint(self) -> str:
        """Where the broker listens, as ``host:port``.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.broker_endpoint
        'localhost:1'
        """
        return self._native.broker_endpoint()

    @property
    def certificate_pem(self) -> bytes:
        """The pool's certificate in PEM, with its chain if there is one.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.certificate_pem[:27]
        b'-----BEGIN CERTIFICATE-----'
        """
        return self._native.certificate_pem().encode()

    @property
    def ca_pem(self) -> bytes | None:
        """Who signed the broker's certificate, in PEM. Absent: the system's roots are trusted.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.ca_pem is None
        True
        """
        ca = self._native.ca_pem()
        return None if ca is None else ca.encode()

    @property
    def pool_id(self) -> str:
        """The pool's ULID.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.pool_id
        '01HQZX3V6MS8ZJH3YDFG5N4R7K'
        """
        return self._native.pool_id()

    @property
    def namespace(self) -> str:
        """The first levels of the topics.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.namespace
        'spacelift'
        """
        return self._native.namespace()

    @property
    def signing_key(self) -> PoolPublicKey | None:
        """The control plane's public key. Present: an unsigned offer is refused.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.signing_key is None
        True
        """
        key = self._native.signing_key()
        return None if key is None else PoolPublicKey._of(key)

    @property
    def public_key(self) -> PoolPublicKey:
        """The public key of the pool, out of its certificate.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.public_key.bits
        2048
        """
        return PoolPublicKey.from_certificate(self.certificate_pem)

    @property
    def not_before(self) -> datetime.datetime:
        """From when on the certificate is valid, in UTC.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.not_before.year
        2024
        """
        return _utc(self._native.validity()[0])

    @property
    def not_after(self) -> datetime.datetime:
        """Until when the certificate is valid, in UTC.

        >>> import os
        >>> import spacelift_worker as sw
        >>> token = sw.PoolToken.parse(os.environ["SPACELIFT_TOKEN"])
        >>> token.not_after > token.not_before
        True
        """
        return _utc(self._native.validity()[1])

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a token is not pickled; pass its text where it must go")

    def __repr__(self) -> str:
        return f"<PoolToken pool_id={self.pool_id!r} broker_endpoint={self.broker_endpoint!r}>"
