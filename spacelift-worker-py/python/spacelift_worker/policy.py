"""The run initialization policy: a Rego file that may refuse a run before anything of it was started.

How to write one stands in docs/policy.md.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from . import _native
from ._convert import Buffer, Path, path

__all__ = ["Decision", "InitializationPolicy", "PolicyFailure"]

_NativeInitializationPolicy = _native.InitializationPolicy

if hasattr(os, "register_at_fork"):
    # A lock that another thread holds at a fork stays locked in the child.
    os.register_at_fork(
        before=_native.policies_rest, after_in_parent=_native.policies_go_on, after_in_child=_native.policies_go_on
    )


@dataclass(frozen=True, slots=True)
class PolicyFailure:
    """Why a policy could not be evaluated, so that the run is denied: ``kind`` for programs, ``detail`` for people.

    >>> import spacelift_worker as sw
    >>> sw.PolicyFailure("timeout", "took longer than 5 s").kind
    'timeout'
    """

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy said of a run. It is true where the run may start.

    ``reasons`` say why not, sorted, and are empty exactly when ``allowed``. ``sampled``: the policy asks for its input and results
    to be logged. ``warnings`` tell of functions that could not work on what they were given. ``failure``: the policy
    could not be evaluated.

    >>> import spacelift_worker as sw
    >>> policy = sw.InitializationPolicy.from_source("package spacelift\\n\\ndeny contains \\"closed\\" if true")
    >>> decision = policy.evaluate({})
    >>> bool(decision), decision.reasons
    (False, ('closed',))
    """

    allowed: bool
    reasons: tuple[str, ...] = ()
    sampled: bool = False
    warnings: tuple[str, ...] = ()
    failure: PolicyFailure | None = None
    results: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __bool__(self) -> bool:
        return self.allowed


@final
class InitializationPolicy:
    """A run initialization policy that was found valid, when it was made. Any thread may evaluate it.

    ``InitializationPolicy.from_source`` and ``InitializationPolicy.from_path`` make one.

    >>> import spacelift_worker as sw
    >>> policy = sw.InitializationPolicy.from_source('''
    ... package spacelift
    ...
    ... deny contains "not on Fridays" if input.run.title == "friday"
    ... ''')
    >>> policy.evaluate({"run": {"title": "friday"}}).reasons
    ('not on Fridays',)
    """

    __slots__ = ("_native",)
    _native: _NativeInitializationPolicy

    def __init__(self) -> None:
        raise TypeError("use InitializationPolicy.from_source or InitializationPolicy.from_path")

    @classmethod
    def _of(cls, native: _NativeInitializationPolicy) -> InitializationPolicy:
        made = object.__new__(cls)
        object.__setattr__(made, "_native", native)
        return made

    @classmethod
    def from_source(
        cls, text: str, *, name: str = "policy.rego", time_limit: float | None = None, strict: bool = False
    ) -> InitializationPolicy:
        """Takes a policy from its text, Rego v1 or v0, and finds all its mistakes now.

        ``name`` stands for the file in messages. ``time_limit`` is how long one evaluation may take, in seconds (5).
        ``strict``: a function that cannot work on what it is given denies the run.

        Raises `PolicyError` with ``line``, ``column`` and all ``problems``.

        >>> import spacelift_worker as sw
        >>> sw.InitializationPolicy.from_source("package spacelift\\n\\ndeny contains \\"x\\" if true").version
        'Rego v1'
        """
        return cls._of(_native.InitializationPolicy.from_source(text, name, time_limit, strict))

    @classmethod
    def from_path(
        cls, file: Path, /, *, time_limit: float | None = None, strict: bool = False
    ) -> InitializationPolicy:
        """Reads a policy from a file, once: a later change of the file changes nothing.

        Raises `OSError` for the file, else as `from_source`.

        >>> import spacelift_worker as sw
        >>> sw.InitializationPolicy.from_path("/nowhere.rego")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: '/nowhere.rego'
        """
        return cls._of(_native.InitializationPolicy.from_path(path(file), time_limit, strict))

    @property
    def name(self) -> str:
        """What stands for the file in messages.

        >>> import spacelift_worker as sw
        >>> sw.InitializationPolicy.from_source("package spacelift\\n\\ndeny contains \\"x\\" if true").name
        'policy.rego'
        """
        return self._native.name()

    @property
    def source(self) -> str:
        """The text.

        >>> import spacelift_worker as sw
        >>> sw.InitializationPolicy.from_source("package spacelift\\n\\ndeny contains \\"x\\" if true").source[:17]
        'package spacelift'
        """
        return self._native.body()

    @property
    def version(self) -> str:
        """``Rego v0`` or ``Rego v1``.

        >>> import spacelift_worker as sw
        >>> sw.InitializationPolicy.from_source("package spacelift\\n\\ndeny[\\"x\\"] { true }").version
        'Rego v0'
        """
        return self._native.version()

    def evaluate(self, document: Mapping[str, Any] | str | Buffer) -> Decision:
        """Judges a run by its document: a mapping, or JSON as text or bytes. Whatever goes wrong denies it.

        Other threads run meanwhile. Raises `ValueError` for what is no JSON, `TypeError` for what JSON cannot express.

        >>> import spacelift_worker as sw
        >>> policy = sw.InitializationPolicy.from_source("package spacelift\\n\\ndeny contains \\"x\\" if input.run.drift_detection")
        >>> policy.evaluate('{"run": {"drift_detection": true}}').allowed
        False
        """
        if isinstance(document, Mapping):
            text = json.dumps(dict(document), allow_nan=False)
        elif isinstance(document, str):
            text = document
        else:
            text = memoryview(document).tobytes().decode()
        made = json.loads(self._native.evaluate(text, time.time_ns()))
        failure = made["failure"]
        return Decision(
            allowed=made["allowed"],
            reasons=tuple(made["reasons"]),
            sampled=made["sampled"],
            warnings=tuple(made["warnings"]),
            failure=None if failure is None else PolicyFailure(**failure),
            results=made["results"],
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} cannot be set: a policy does not change")

    def __repr__(self) -> str:
        return f"<InitializationPolicy {self.name!r} ({self.version})>"
