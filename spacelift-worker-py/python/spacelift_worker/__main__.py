"""The command of the package: ``python -m spacelift_worker``.

Exit codes: 0 done; 1 it failed, or a policy denies; 2 the arguments, the configuration or a policy are wrong; 3 no endpoint answers;
130 Ctrl-C.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from . import _commands
from .errors import ConfigError, PolicyError, WorkerError


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    options = _commands.parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Who reads has enough. Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except (WorkerError, OSError, ValueError) as error:
        _complain(error, options.json)
        return 2 if isinstance(error, ConfigError | PolicyError) else 1


def _complain(error: Exception, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
        if isinstance(error, WorkerError):
            facts |= {"code": error.code, "details": dict(error.details)}
        print(json.dumps(facts), file=sys.stderr)
    else:
        print(f"spacelift-worker: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
