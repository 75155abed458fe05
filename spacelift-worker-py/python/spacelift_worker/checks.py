"""What a worker needs, and whether it is there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import _native, _runtime
from .config import read_environment

__all__ = ["Check", "Preflight", "preflight"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``area`` is ``configuration``, ``machine`` or ``network``; ``verdict`` is ``passed``, ``warned``,
    ``failed`` or ``untried``.

    >>> import spacelift_worker as sw
    >>> sw.Check("machine", "memory", "passed", "4.0 GiB").verdict
    'passed'
    """

    area: str
    what: str
    verdict: str
    detail: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """Everything that was looked at, in order. Shown by ``str``, it is a table. It is true where nothing failed.

    >>> import spacelift_worker as sw
    >>> found = sw.Preflight((sw.Check("network", "broker:443", "failed", "no route"),))
    >>> bool(found), found.exit_code
    (False, 3)
    """

    checks: tuple[Check, ...]
    _table: str = field(default="", repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Whether nothing failed.

        >>> import spacelift_worker as sw
        >>> sw.Preflight(()).passed
        True
        """
        return all(check.verdict != "failed" for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0, or what is to be mended first: 2 for the configuration, 3 for the network, 1 for the machine.

        >>> import spacelift_worker as sw
        >>> sw.Preflight((sw.Check("machine", "memory", "failed", ""),)).exit_code
        1
        """
        failed = {check.area for check in self.checks if check.verdict == "failed"}
        for area, code in (("configuration", 2), ("network", 3), ("machine", 1)):
            if area in failed:
                return code
        return 0

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self._table


def preflight(environ: Mapping[str, str] | None = None, *, probe: bool = False) -> Preflight:
    """Looks at all that a worker needs: variables, key and certificate, policy, memory, cores, disk space, endpoints.

    ``environ`` is a mapping of variables (default ``os.environ``). With ``probe``, it tries each endpoint step by step. Never
    raises for what it finds; Ctrl-C ends it.

    >>> import spacelift_worker as sw
    >>> found = sw.preflight({})
    >>> found.exit_code, found.checks[0].what
    (2, 'variables')
    """
    known, unread = read_environment(environ)
    _runtime.start()
    raw, table = _native.preflight(known, unread, probe)
    return Preflight(tuple(Check(**check) for check in json.loads(raw)["checks"]), table)
