"""A custom launcher in Python: it decides itself which runs it takes, and runs their steps itself.

Configured by SPACELIFT_TOKEN, SPACELIFT_POOL_PRIVATE_KEY and the documented variables. ONLY_STACKS names the stacks whose runs it takes, separated
by commas; without it, it takes all. SIGTERM and SIGINT drain it: it finishes its run and ends with exit code 0.
"""

import asyncio
import os
import signal
import sys

import spacelift_worker as sw
from spacelift_worker import events


class Launcher:
    def __init__(self, worker: sw.Worker, only: set[str]) -> None:
        self.worker, self.only = worker, only
        self.processes: dict[int, asyncio.subprocess.Process] = {}
        self.room: dict[int, asyncio.Event] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def work(self) -> int:
        """Until the worker has ended; its exit code."""
        async for event in self.worker:
            match event:
                case events.Offered(stack=stack) if self.only and stack not in self.only:
                    self.begin(self.answer(self.worker.refuse(event, "unsupported", f"this launcher does not run {stack}")))
                case events.Offered():
                    self.begin(self.answer(self.worker.accept(event)))
                case events.Step():
                    self.begin(self.run(event))
                case events.StepSignal(step=step, signal=name):
                    self.pass_on(step, signal.SIGKILL if name == "kill" else signal.SIGTERM)
                case events.StepReady(step=step) if step in self.room:
                    self.room[step].set()
                case events.RunEnded(run=run, outcome=outcome):
                    print(f"run {run}: {outcome}", flush=True)
                case events.Ended(exit_code=code):
                    return code
        return 1

    def begin(self, work) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def answer(self, operation: sw.Operation) -> None:
        try:
            await operation
        except sw.SessionError as error:
            print(f"the answer came too late: {error}", file=sys.stderr)

    async def run(self, step: events.Step) -> None:
        """Runs one step with exactly the environment that it is given, and tells of it."""
        try:
            process = await asyncio.create_subprocess_exec(
                *step.argv,
                env=dict(step.env),
                cwd=step.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # so that a signal reaches all that it starts
            )
        except OSError as error:
            self.tell(step, f"{step.argv[0]} cannot be started: {error.strerror}\n".encode(), exit_code=127)
            return
        self.processes[step.step] = process
        self.room[step.step] = asyncio.Event()
        try:
            assert process.stdout is not None
            while piece := await process.stdout.read(64 * 1024):
                await self.pass_output(step, piece)
            code = await process.wait()
            self.tell(step, **({"exit_code": code} if code >= 0 else {"signal": -code}))
        finally:
            del self.processes[step.step], self.room[step.step]

    async def pass_output(self, step: events.Step, piece: bytes) -> None:
        """It is masked on its way to the log. Where a mebibyte waits already, the process waits, too."""
        while True:
            self.room[step.step].clear()
            try:
                return self.tell(step, piece)
            except BlockingIOError:
                await self.room[step.step].wait()

    def tell(self, step: events.Step, output: bytes | None = None, **end: int) -> None:
        try:
            self.worker.report(step, output, **end)
        except sw.SessionError:
            self.pass_on(step.step, signal.SIGKILL)  # the run has ended without it

    def pass_on(self, step: int, number: signal.Signals) -> None:
        if (process := self.processes.get(step)) is not None and process.returncode is None:
            os.killpg(process.pid, number)


async def main() -> int:
    only = {name for name in os.environ.get("ONLY_STACKS", "").split(",") if name}
    async with sw.connect(offers="ask", steps="host") as worker:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.drain)
        print("working", flush=True)
        return await Launcher(worker, only).work()


if __name__ == "__main__":
    try:
        sw.protect_process()
        sys.exit(asyncio.run(main()))
    except sw.ConfigError as error:
        sys.exit(f"{error}")
