"""A launcher's configuration, parsed from an environment with every problem at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _native
from .errors import ConfigError

__all__ = [
    "Comms",
    "Docker",
    "LauncherConfig",
    "Logs",
    "Mount",
    "PolicySettings",
    "RunVariables",
    "Timeouts",
    "VcsMapping",
    "config_reference",
    "parse_duration",
]


def parse_duration(text: str) -> float:
    """A duration as Go writes it (``1h30m``, ``1.5s``, ``-2us``), in seconds.

    Raises `ConfigError`.

    >>> import spacelift_worker as sw
    >>> sw.parse_duration("1h30m")
    5400.0
    >>> sw.parse_duration("90")
    Traceback (most recent call last):
    spacelift_worker.errors.ConfigError: "90" is no duration: no unit behind a number
    """
    return _native.parse_duration(text) / 1e9


def config_reference() -> str:
    """The page of all variables with their defaults, in Markdown.

    >>> import spacelift_worker as sw
    >>> "SPACELIFT_TOKEN" in sw.config_reference()
    True
    """
    return _native.config_reference()


@dataclass(frozen=True, slots=True)
class Comms:
    """How to reach the control plane. ``keep_alive`` is in seconds; ``additional_root_cas`` are counted.

    >>> import spacelift_worker as sw
    >>> sw.Comms("mqtt", None, (), 30.0, 0).protocol
    'mqtt'
    """

    protocol: str
    url: str | None
    brokers: tuple[str, ...]
    keep_alive: float
    additional_root_cas: int


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long things may take, in seconds.

    >>> import spacelift_worker as sw
    >>> sw.Timeouts(logs=420.0, run=4200.0, stop_grace=60.0, drain_grace=300.0).run
    4200.0
    """

    logs: float
    run: float
    stop_grace: float
    drain_grace: float


@dataclass(frozen=True, slots=True)
class RunVariables:
    """Names of variables that runs see, and of those whose values are masked.

    >>> import spacelift_worker as sw
    >>> sw.RunVariables(("PATH",), ("PASSWORD",)).allowed
    ('PATH',)
    """

    allowed: tuple[str, ...]
    masked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logs:
    """What is logged where.

    >>> import spacelift_worker as sw
    >>> sw.Logs(run_logs_on_standard_output=True, debug=False).debug
    False
    """

    run_logs_on_standard_output: bool
    debug: bool


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host, and where a container sees it.

    >>> import spacelift_worker as sw
    >>> sw.Mount("/srv/cache", "/cache").container
    '/cache'
    """

    host: str
    container: str


@dataclass(frozen=True, slots=True)
class Docker:
    """How run containers are started.

    >>> import dataclasses
    >>> import spacelift_worker as sw
    >>> [field.name for field in dataclasses.fields(sw.Docker)][:2]
    ['config_dir', 'extra_mounts']
    """

    config_dir: str | None
    extra_mounts: tuple[Mount, ...]
    read_only_mounts: tuple[Mount, ...]
    write_only_mounts: tuple[Mount, ...]
    network: str
    runtime: str | None
    default_image: str
    default_ansible_image: str


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What the run initialization policy may do. ``timeout`` is in seconds.

    >>> import spacelift_worker as sw
    >>> sw.PolicySettings(5.0, (), (), False).timeout
    5.0
    """

    timeout: float
    programs: tuple[str, ...]
    program_variables: tuple[str, ...]
    strict: bool


@dataclass(frozen=True, slots=True)
class VcsMapping:
    """A private version control system that the worker reaches directly.

    >>> import spacelift_worker as sw
    >>> sw.VcsMapping("gitlab", "https://gitlab.internal").name
    'gitlab'
    """

    name: str
    base_endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherConfig:
    """Everything that a launcher is told by its environment. ``repr`` shows no secret: token, key and proxies are not fields.

    ``LauncherConfig.from_env`` makes one.

    >>> import spacelift_worker as sw
    >>> config = sw.LauncherConfig.from_env({"SPACELIFT_TOKEN": "t", "SPACELIFT_POOL_PRIVATE_KEY": "k"})
    >>> config.comms.protocol, config.timeouts.logs
    ('mqtt', 420.0)
    """

    comms: Comms
    timeouts: Timeouts
    environment: RunVariables
    logs: Logs
    docker: Docker
    policy: PolicySettings
    state_dir: str | None
    proxy_exceptions: tuple[str, ...]
    initialization_policy: str | None
    sensitive_output_upload: bool
    metadata: Mapping[str, str]
    vcs_mappings: tuple[VcsMapping, ...]
    warnings: tuple[str, ...]
    """What is probably not meant, a line each."""
    _pairs: tuple[tuple[str, str], ...] = field(repr=False, compare=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> LauncherConfig:
        """Parses a mapping of variables, such as ``os.environ``, which is the default. It opens no file and checks no key.

        Raises `ConfigError` with all ``problems`` at once.

        >>> import spacelift_worker as sw
        >>> try:
        ...     sw.LauncherConfig.from_env({"SPACELIFT_TOKEN": "t", "SPACELIFT_POOL_PRIVATE_KEY": "k",
        ...                                 "SPACELIFT_LAUNCHER_RUN_TIMEOUT": "soon"})
        ... except sw.ConfigError as error:
        ...     print(error.problems[0].variable, error.problems[0].found)
        SPACELIFT_LAUNCHER_RUN_TIMEOUT "soon"
        """
        known, unread = read_environment(environ)
        parsed = json.loads(_native.parse_config(known, unread))
        if parsed["problems"]:
            message = "\n".join(
                "{variable}: found {found}, expected {expected}; {remedy}".format(**problem)
                for problem in parsed["problems"]
            )
            raise ConfigError(message, "config", {"problems": parsed["problems"]})
        return _config(parsed["config"], tuple(parsed["warnings"]), tuple(known))

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a configuration holds the pool's key and is not pickled; pass the variables where they must go")


def read_environment(environ: Mapping[str, str] | None) -> tuple[list[tuple[str, str]], list[str]]:
    """The pairs that are text, and the names of the others."""
    known, unread = [], []
    for name, value in (os.environ if environ is None else environ).items():
        try:
            (name + value).encode()
        except UnicodeEncodeError:
            unread.append(name.encode("utf-8", "replace").decode())
        else:
            known.append((name, value))
    return known, unread


def _config(raw: dict[str, Any], warnings: tuple[str, ...], known: tuple[tuple[str, str], ...]) -> LauncherConfig:
    def mounts(name: str) -> tuple[Mount, ...]:
        return tuple(Mount(**mount) for mount in raw["docker"].pop(name))

    names = ("extra_mounts", "read_only_mounts", "write_only_mounts")
    docker = {name: mounts(name) for name in names} | raw["docker"]
    comms, policy = raw["comms"], raw["policy"]
    return LauncherConfig(
        comms=Comms(**comms | {"brokers": tuple(comms["brokers"])}),
        timeouts=Timeouts(**raw["timeouts"]),
        environment=RunVariables(**{name: tuple(value) for name, value in raw["environment"].items()}),
        logs=Logs(**raw["logs"]),
        docker=Docker(**docker),
        policy=PolicySettings(
            timeout=policy["timeout"],
            programs=tuple(policy["programs"]),
            program_variables=tuple(policy["program_variables"]),
            strict=policy["strict"],
        ),
        state_dir=raw["state_dir"],
        proxy_exceptions=tuple(raw["proxy_exceptions"]),
        initialization_policy=raw["initialization_policy"],
        sensitive_output_upload=raw["sensitive_output_upload"],
        metadata=dict(raw["metadata"]),
        vcs_mappings=tuple(VcsMapping(**mapping) for mapping in raw["vcs_mappings"]),
        warnings=warnings,
        _pairs=known,
    )
