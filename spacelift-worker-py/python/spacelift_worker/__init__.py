"""Private workers for infrastructure-as-code.

============  =====================================================================================================
keys          `PoolKey`, `PoolPublicKey`, `PoolToken`
sealing       `seal`, `unseal`, `seal_file`, `unseal_file`, `unseal_range`, `SealWriter`, `UnsealReader`, `Sealer`,
              `Unsealer`, `inspect`, `sealed_len`, and `cobblestone` for the encryption alone
masking       `Masker`, `MaskingWriter`, `MaskingFilter`, `Secrets`
policy        `InitializationPolicy`, `Decision`
setup         `LauncherConfig`, `parse_duration`, `preflight`
worker        `connect`, `Worker`, `events`, `run_launcher`, `protect_process`, `enable_logging`; `spacelift_worker.testing` for tests
errors        `WorkerError` and its kinds
============  =====================================================================================================

>>> import spacelift_worker as sw
>>> key = sw.PoolKey.generate(bits=2048)
>>> sealed = sw.seal(b"plan", recipients=[key.public_key()], context={"run": "1"}, signer=key)
>>> sw.unseal(sealed, key=key, context={"run": "1"}, signer=key.public_key())
b'plan'
"""

from . import cobblestone as cobblestone
from . import events as events
from . import protocol as protocol
from ._log import enable_logging
from ._native import __version__ as __version__
from .checks import Check, Preflight, preflight
from .config import (
    Comms,
    Docker,
    LauncherConfig,
    Logs,
    Mount,
    PolicySettings,
    RunVariables,
    Timeouts,
    VcsMapping,
    config_reference,
    parse_duration,
)
from .crypto import (
    RECIPIENT,
    UNSIGNED,
    Sealer,
    Unsealer,
    inspect,
    seal,
    seal_file,
    sealed_len,
    unseal,
    unseal_file,
    unseal_range,
)
from .errors import (
    ConfigError,
    ConfigProblem,
    ForkedError,
    InternalError,
    KeyFormatError,
    PolicyError,
    PolicyProblem,
    SealError,
    SessionClosed,
    SessionError,
    TokenError,
    WorkerError,
)
from .keys import PoolKey, PoolPublicKey, PoolToken
from .masking import Masker, MaskingFilter, MaskingWriter, Secrets
from .launcher import protect_process, run_launcher
from .policy import Decision, InitializationPolicy, PolicyFailure
from .session import Operation, Worker, connect
from .streams import SealWriter, UnsealReader

__all__ = [
    "RECIPIENT",
    "UNSIGNED",
    "Check",
    "Comms",
    "ConfigError",
    "ConfigProblem",
    "Decision",
    "Docker",
    "ForkedError",
    "InitializationPolicy",
    "InternalError",
    "KeyFormatError",
    "LauncherConfig",
    "Logs",
    "Masker",
    "MaskingFilter",
    "MaskingWriter",
    "Mount",
    "Operation",
    "PolicyError",
    "PolicyFailure",
    "PolicyProblem",
    "PolicySettings",
    "PoolKey",
    "PoolPublicKey",
    "PoolToken",
    "Preflight",
    "RunVariables",
    "SealError",
    "SealWriter",
    "Sealer",
    "Secrets",
    "SessionClosed",
    "SessionError",
    "Timeouts",
    "TokenError",
    "UnsealReader",
    "Unsealer",
    "VcsMapping",
    "Worker",
    "WorkerError",
    "cobblestone",
    "config_reference",
    "connect",
    "enable_logging",
    "events",
    "inspect",
    "parse_duration",
    "preflight",
    "protocol",
    "protect_process",
    "run_launcher",
    "seal",
    "seal_file",
    "sealed_len",
    "unseal",
    "unseal_file",
    "unseal_range",
]
