"""A control plane for tests and notebooks: the program ``mothership``, started on loopback, where it is at hand.

>>> import spacelift_worker as sw
>>> from spacelift_worker import testing
>>> with testing.Mothership() as mothership:
...     pool = mothership.create_pool("pool")
...     with sw.connect(pool.environ()) as worker:
...         isinstance(worker.next(), sw.events.Connected)
True
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, final

from .errors import WorkerError
from .keys import PoolKey

__all__ = ["Mothership", "MothershipError", "Pool", "find_mothership"]


class MothershipError(WorkerError):
    """The control plane is not at hand, or a command of it failed. ``code`` is ``missing`` or ``command``.

    >>> from spacelift_worker import testing
    >>> testing.MothershipError("it is not there", "missing").code
    'missing'
    """


def find_mothership() -> str:
    """The program: the one that the variable ``SPACELIFT_MOTHERSHIP`` names, else the one on the ``PATH``.

    Raises `MothershipError`.

    >>> import os
    >>> from spacelift_worker import testing
    >>> os.path.basename(testing.find_mothership())
    'mothership'
    """
    found = os.environ.get("SPACELIFT_MOTHERSHIP") or shutil.which("mothership")
    if not found:
        raise MothershipError(
            "the program mothership is not on the PATH; build it with cargo, or name it in SPACELIFT_MOTHERSHIP", "missing"
        )
    return found


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool and its credentials.

    >>> from spacelift_worker import testing
    >>> testing.Pool("pool", "token", None)
    Pool(name='pool')
    """

    name: str
    token: str = field(repr=False)
    key: PoolKey = field(repr=False)

    def environ(self, **more: str) -> dict[str, str]:
        """The variables of a worker of this pool, which may fetch from loopback, with more of them.

        >>> import spacelift_worker as sw
        >>> from spacelift_worker import testing
        >>> pool = testing.Pool("pool", "token", sw.PoolKey.generate(bits=2048))
        >>> pool.environ(SPACELIFT_METADATA_zone="a")["SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS"]
        '127.0.0.1'
        """
        return {
            "SPACELIFT_TOKEN": self.token,
            "SPACELIFT_POOL_PRIVATE_KEY": base64.b64encode(self.key.to_pem()).decode(),
            "SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS": "127.0.0.1",
            "PATH": os.environ.get("PATH", ""),
            **more,
        }


@final
class Mothership:
    """A control plane with an embedded broker on ports that the system chose, and its data in a folder that goes with it.

    ``program`` is the path of ``mothership`` (see `find_mothership`). Use it in a ``with`` block.

    >>> from spacelift_worker import testing
    >>> testing.Mothership("/bin/true")
    <Mothership '/bin/true'>
    """

    def __init__(self, program: str | os.PathLike[str] | None = None, *arguments: str) -> None:
        self._program = os.fspath(program) if program is not None else find_mothership()
        self._arguments = arguments
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Mothership:
        self._folder = tempfile.TemporaryDirectory(prefix="mothership-")
        serve = ["serve", "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", *self._arguments]
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [self._program, "--data", str(self.data), *serve], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """A folder that is removed when it stops, for the files of a test.

        >>> from spacelift_worker import testing
        >>> testing.Mothership("/bin/true").folder
        Traceback (most recent call last):
        spacelift_worker.testing.MothershipError: the control plane is not running; use it in a with block
        """
        if self._folder is None:
            raise MothershipError("the control plane is not running; use it in a with block", "command")
        return Path(self._folder.name)

    @property
    def data(self) -> Path:
        """The folder with its database.

        >>> from spacelift_worker import testing
        >>> with testing.Mothership() as mothership:
        ...     (mothership.data / "mothership.db").exists()
        True
        """
        return self.folder / "data"

    def _await_ready(self, patience: float = 60.0) -> None:
        deadline = time.monotonic() + patience
        while self._run(["pool", "list", "--json"]).returncode != 0:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / "log").read_text(errors="replace")
                raise MothershipError(f"the control plane did not start: {log}", "command")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it and removes its folder. Stopping twice is stopping once.

        >>> from spacelift_worker import testing
        >>> testing.Mothership("/bin/true").stop()
        """
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = [self._program, "--data", str(self.data), *arguments]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def command(self, *arguments: str) -> Any:
        """Runs a command of ``mothership`` and returns what it answers in JSON; several answers are a list.

        Raises `MothershipError` with what it said.

        >>> from spacelift_worker import testing
        >>> with testing.Mothership() as mothership:
        ...     pool = mothership.create_pool()
        ...     mothership.command("pool", "list")[0]["name"]
        'pool'
        """
        done = self._run([*arguments, "--json"])
        if done.returncode != 0:
            raise MothershipError(f"mothership {' '.join(arguments)}: {done.stderr.strip()}", "command")
        answers = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        return answers[0] if len(answers) == 1 else answers

    def create_pool(self, name: str = "pool", *, bits: int = 2048) -> Pool:
        """Makes a key and a pool for it.

        >>> from spacelift_worker import testing
        >>> with testing.Mothership() as mothership:
        ...     mothership.create_pool("workers")
        Pool(name='workers')
        """
        key = PoolKey.generate(bits=bits)
        request, token = self.folder / f"{name}.csr", self.folder / f"{name}.token"
        request.write_bytes(key.csr("workers"))
        self.command("pool", "create", "--name", name, "--csr", str(request), "--token-out", str(token))
        return Pool(name, token.read_text().strip(), key)

    def create_stack(
        self,
        name: str,
        pool: Pool | str,
        source: str | os.PathLike[str],
        *arguments: str,
        plan: str,
        apply: str,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Makes a stack from a folder of source code and returns its name; ``arguments`` are more of ``mothership stack create``.

        >>> from spacelift_worker import testing
        >>> with testing.Mothership() as mothership:
        ...     pool = mothership.create_pool()
        ...     stack = mothership.create_stack("site", pool, mothership.folder, plan="true", apply="true")
        ...     stack
        'site'
        """
        pool = pool.name if isinstance(pool, Pool) else pool
        command = ["stack", "create", "--name", name, "--pool", pool, "--source", os.fspath(source)]
        command += ["--plan", plan, "--apply", apply, *arguments]
        for variable, value in (env or {}).items():
            command += ["--env", f"{variable}={value}"]
        self.command(*command)
        return name

    def trigger(self, stack: str, *arguments: str) -> str:
        """Triggers a run and returns its id.

        >>> from spacelift_worker import testing
        >>> with testing.Mothership() as mothership:
        ...     pool = mothership.create_pool()
        ...     stack = mothership.create_stack("site", pool, mothership.folder, plan="true", apply="true")
        ...     len(mothership.trigger(stack))
        26
        """
        run: str = self.command("run", "trigger", stack, *arguments)["id"]
        return run

    def confirm(self, run: str) -> None:
        """Confirms the plan of a run.

        >>> from spacelift_worker import testing
        >>> with testing.Mothership() as mothership:
        ...     pool = mothership.create_pool()
        ...     stack = mothership.create_stack("site", pool, mothership.folder, plan="true", apply="true")
        ...     mothership.confirm(mothership.trigger(stack))
        Traceback (most recent call last):
        spacelift_worker.testing.MothershipError: mothership run confirm ...
        """
        self.command("run", "confirm", run)

    def await_run(self, run: str, *states: str, timeout: float = 60.0) -> Any:
        """Waits until a run is in one of these states, and returns the run.

        Raises `MothershipError` when it ends in another state or the time is over.

        >>> from spacelift_worker import testing
        >>> with testing.Mothership() as mothership:
        ...     pool = mothership.create_pool()
        ...     stack = mothership.create_stack("site", pool, mothership.folder, plan="true", apply="true")
        ...     mothership.await_run(mothership.trigger(stack), "QUEUED")["state"]
        'QUEUED'
        """
        self.command("run", "wait", run, "--state", ",".join(states), "--timeout", str(int(timeout)))
        return self.command("run", "show", run)

    def logs(self, run: str) -> str:
        """The log of a run, as it is by now.

        >>> from spacelift_worker import testing
        >>> with testing.Mothership() as mothership:
        ...     pool = mothership.create_pool()
        ...     stack = mothership.create_stack("site", pool, mothership.folder, plan="true", apply="true")
        ...     mothership.logs(mothership.trigger(stack))
        ''
        """
        return self._run(["run", "logs", run]).stdout

    def __repr__(self) -> str:
        return f"<Mothership {self._program!r}>"
