"""What can go wrong.

>>> import spacelift_worker as sw
>>> try:
...     sw.PoolToken.parse("not a token!")
... except sw.WorkerError as error:
...     print(type(error).__name__, error.code)
TokenError base64
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

__all__ = [
    "ConfigError",
    "ConfigProblem",
    "ForkedError",
    "InternalError",
    "KeyFormatError",
    "PolicyError",
    "PolicyProblem",
    "SealError",
    "SessionClosed",
    "SessionError",
    "TokenError",
    "WorkerError",
]


class WorkerError(Exception):
    """The base of all errors of this package. No message and no detail ever holds a secret.

    >>> import spacelift_worker as sw
    >>> error = sw.WorkerError("the disk is full", "disk", {"free": 0})
    >>> str(error), error.code, error.details, error.retryable
    ('the disk is full', 'disk', {'free': 0}, False)
    """

    _status: ClassVar[int] = -1

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later."""

    message: str
    """What happened and what to do."""

    code: str
    """A word for programs, such as ``damaged``."""

    details: Mapping[str, Any]
    """Facts for programs, by kind of error."""

    def __init__(
        self, message: str = "", code: str = "error", details: Mapping[str, Any] | str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = json.loads(details) if isinstance(details, str) else dict(details or {})

    @property
    def status(self) -> int:
        """The number of this kind of error, the same as in C.

        >>> import spacelift_worker as sw
        >>> sw.TokenError("cut short").status
        -10
        """
        return _STATUS_OF_CODES.get((type(self).__name__, self.code), self._status)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.code, self.details), {"__notes__": getattr(self, "__notes__", [])}


class TokenError(WorkerError, ValueError):
    """A text is no worker pool token.

    ``code`` is ``empty``, ``base64``, ``cut_short``, ``json``, ``field`` or ``token``.

    >>> import spacelift_worker as sw
    >>> sw.PoolToken.parse("")
    Traceback (most recent call last):
    spacelift_worker.errors.TokenError: the token is empty; set it to the content of the file that was downloaded for the pool
    """

    _status = -10


class KeyFormatError(WorkerError, ValueError):
    """Bytes are no key or certificate that a pool can use.

    ``code`` is ``encrypted``, ``pem``, ``label``, ``certificate`` or ``key``.

    >>> import spacelift_worker as sw
    >>> sw.PoolKey.from_pem(b"hello")
    Traceback (most recent call last):
    spacelift_worker.errors.KeyFormatError: the private key cannot be read: this is no PEM text: it has no line -----BEGIN …-----
    """

    _status = -11


class SealError(WorkerError):
    """Something was not sealed or not opened.

    ``code`` says why an unsealer refuses, in the order in which it looks: ``cut_short``, ``version``, ``form``, ``context``,
    ``signed``, ``unsigned``, ``untrusted``, ``recipient``, ``signature``, and ``damaged`` for everything from the private key on.

    >>> import spacelift_worker as sw
    >>> key = sw.PoolKey.generate(bits=2048)
    >>> sealed = sw.seal(b"plan", recipients=[key.public_key()], context={"run": "1"}, signer=key)
    >>> sw.unseal(sealed, key=key, context={"run": "2"}, signer=key.public_key())
    Traceback (most recent call last):
    spacelift_worker.errors.SealError: the file was sealed for something else: its run is 1, expected 2
    """

    _status = -12


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One mistake in a policy: ``line`` and ``column`` from 1, ``code`` for programs, ``message`` for people.

    >>> import spacelift_worker as sw
    >>> try:
    ...     sw.InitializationPolicy.from_source("package other")
    ... except sw.PolicyError as error:
    ...     print(error.problems[0].line, error.problems[0].code)
    1 package
    """

    line: int
    column: int
    code: str
    message: str


class PolicyError(WorkerError, ValueError):
    """A text is no run initialization policy.

    >>> import spacelift_worker as sw
    >>> try:
    ...     sw.InitializationPolicy.from_source("package spacelift\\n\\ndeny contains missing if true")
    ... except sw.PolicyError as error:
    ...     print(error.line, error.column, error.problems[0].code)
    3 15 unsafe-variable
    """

    _status = -17

    @property
    def problems(self) -> tuple[PolicyProblem, ...]:
        """All mistakes, in the order of the file.

        >>> import spacelift_worker as sw
        >>> sw.PolicyError("bad").problems
        ()
        """
        return tuple(PolicyProblem(**problem) for problem in self.details.get("problems", ()))

    @property
    def line(self) -> int | None:
        """The line of the first mistake, from 1.

        >>> import spacelift_worker as sw
        >>> sw.PolicyError("bad", "invalid", {"problems": [{"line": 3, "column": 1, "code": "parse", "message": ""}]}).line
        3
        """
        return self.problems[0].line if self.problems else None

    @property
    def column(self) -> int | None:
        """The column of the first mistake, from 1, in characters.

        >>> import spacelift_worker as sw
        >>> sw.PolicyError("bad").column is None
        True
        """
        return self.problems[0].column if self.problems else None


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong with one variable. Shown, it is one line; a secret's value is never part of it.

    >>> import spacelift_worker as sw
    >>> print(sw.ConfigProblem("SPACELIFT_X", "nothing", "a number", "set it"))
    SPACELIFT_X: found nothing, expected a number; set it
    """

    variable: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.variable}: found {self.found}, expected {self.expected}; {self.remedy}"


class ConfigError(WorkerError, ValueError):
    """A configuration cannot be used. The message has one line for each problem.

    >>> import spacelift_worker as sw
    >>> try:
    ...     sw.LauncherConfig.from_env({})
    ... except sw.ConfigError as error:
    ...     print([problem.variable for problem in error.problems])
    ['SPACELIFT_TOKEN', 'SPACELIFT_POOL_PRIVATE_KEY']
    """

    _status = -19

    @property
    def problems(self) -> tuple[ConfigProblem, ...]:
        """Everything that is wrong, in the order of the documented table.

        >>> import spacelift_worker as sw
        >>> sw.ConfigError("bad").problems
        ()
        """
        return tuple(ConfigProblem(**problem) for problem in self.details.get("problems", ()))


class SessionError(WorkerError, ConnectionError):
    """A worker's session could not do what was asked.

    >>> import spacelift_worker as sw
    >>> issubclass(sw.SessionError, ConnectionError)
    True
    """

    _status = -21


class SessionClosed(SessionError):
    """The session has ended; nothing can be asked of it any more.

    >>> import spacelift_worker as sw
    >>> issubclass(sw.SessionClosed, sw.SessionError)
    True
    """

    _status = 3


class ForkedError(WorkerError, RuntimeError):
    """This process was forked from one with a session, and has none of its threads.

    Keys, sealing, masking and policy work in it all the same.

    >>> import spacelift_worker as sw
    >>> issubclass(sw.ForkedError, RuntimeError)
    True
    """

    _status = -7


class InternalError(WorkerError):
    """A mistake in the library. The object that it happened to cannot be used any more; all others can.

    >>> import spacelift_worker as sw
    >>> sw.InternalError("broke down", "panic").code
    'panic'
    """

    _status = -6


_UNSEAL = (
    "cut_short", "version", "form", "context", "signed", "unsigned", "untrusted", "recipient", "signature", "damaged",
)  # fmt: skip

# Where one class stands for several numbers.
_STATUS_OF_CODES = {
    **{("SealError", code): -13 for code in _UNSEAL},
    ("ConfigError", "duration"): -22,
    ("WorkerError", "too_many_secrets"): -16,
}
