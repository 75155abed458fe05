"""What a worker tells, in the order in which it happened. Reasons, notes and lines are masked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = [
    "Connected",
    "Cycle",
    "Disconnected",
    "Drained",
    "Ended",
    "Event",
    "Kill",
    "Lagged",
    "LeaseEnded",
    "Line",
    "Offered",
    "OperationDone",
    "OperationFailed",
    "Other",
    "Refused",
    "Renewed",
    "Reported",
    "RunEnded",
    "Started",
    "State",
    "Step",
    "StepReady",
    "StepSignal",
    "Stop",
]


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events.

    >>> from spacelift_worker import events
    >>> isinstance(events.Cycle(), events.Event)
    True
    """


@dataclass(frozen=True, slots=True)
class Connected(Event):
    """The control plane is in reach. ``worker`` is the name of this worker, fresh with each start.

    >>> from spacelift_worker import events
    >>> events.Connected("01HQZX3V6MS8ZJH3YDFG5N4R7K").worker
    '01HQZX3V6MS8ZJH3YDFG5N4R7K'
    """

    worker: str


@dataclass(frozen=True, slots=True)
class Disconnected(Event):
    """The control plane is not in reach; the next attempt comes by itself, and what is in hand goes on.

    >>> from spacelift_worker import events
    >>> events.Disconnected("no route").reason
    'no route'
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Offered(Event):
    """A run was offered, and the library waits 30 seconds for ``accept`` or ``refuse``. Only with ``offers="ask"``.

    ``document`` is what a run initialization policy sees.

    >>> from spacelift_worker import events
    >>> match events.Offered("1.2", "01HQ…", "plan", "site", {}):
    ...     case events.Offered(stack="site", phase=phase):
    ...         print(phase)
    plan
    """

    lease: str
    run: str
    phase: str
    stack: str
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """The library refused an offer by itself, or nobody answered it in time.

    >>> from spacelift_worker import events
    >>> events.Refused("1.2", "policy_denied", "closed").reason
    'policy_denied'
    """

    lease: str
    reason: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The run is this worker's.

    >>> from spacelift_worker import events
    >>> events.Started("1.2", "01HQ…", "plan").phase
    'plan'
    """

    lease: str
    run: str
    phase: str


@dataclass(frozen=True, slots=True)
class State(Event):
    """The run entered a state; ``version`` is its number in the run's life.

    >>> from spacelift_worker import events
    >>> events.State("1.2", "PLANNING", 4).state
    'PLANNING'
    """

    lease: str
    state: str
    version: int


@dataclass(frozen=True, slots=True)
class Line(Event):
    """A line of a run's log, masked, as a JSON object. Only with ``lines=True``.

    >>> from spacelift_worker import events
    >>> events.Line('{"msg": "no changes"}').message
    'no changes'
    """

    line: str

    @property
    def message(self) -> str:
        """What the run printed.

        >>> from spacelift_worker import events
        >>> events.Line('{"msg": "no changes"}').message
        'no changes'
        """
        message: str = json.loads(self.line).get("msg", "")
        return message


@dataclass(frozen=True, slots=True)
class Step(Event):
    """Run this, and ``report`` what it prints and how it ends. Only with ``steps="host"``.

    ``env`` is the whole environment, and holds secrets: ``repr`` does not show it.

    >>> from spacelift_worker import events
    >>> events.Step(1, ("sh", "-c", "true"), {"TOKEN": "hunter2"}, "/srv")
    Step(step=1, argv=('sh', '-c', 'true'), cwd='/srv')
    """

    step: int
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str


@dataclass(frozen=True, slots=True)
class StepSignal(Event):
    """Pass this signal, ``terminate`` or ``kill``, to all that the step started. After a kill nothing is heard of it any more.

    >>> from spacelift_worker import events
    >>> events.StepSignal(1, "kill").signal
    'kill'
    """

    step: int
    signal: str


@dataclass(frozen=True, slots=True)
class StepReady(Event):
    """There is room for output of the step again, after ``report`` raised `BlockingIOError`.

    >>> from spacelift_worker import events
    >>> events.StepReady(1).step
    1
    """

    step: int


@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    """The phase ended; its report is on its way.

    >>> from spacelift_worker import events
    >>> events.RunEnded("1.2", "01HQ…", "finished", None).outcome
    'finished'
    """

    lease: str
    run: str
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Reported(Event):
    """The control plane took the report.

    >>> from spacelift_worker import events
    >>> events.Reported("01HQ…").run
    '01HQ…'
    """

    run: str


@dataclass(frozen=True, slots=True)
class Renewed(Event):
    """The lease goes on.

    >>> from spacelift_worker import events
    >>> events.Renewed("1.2").lease
    '1.2'
    """

    lease: str


@dataclass(frozen=True, slots=True)
class Stop(Event):
    """Somebody asked the run to end.

    >>> from spacelift_worker import events
    >>> events.Stop("1.2").lease
    '1.2'
    """

    lease: str


@dataclass(frozen=True, slots=True)
class Kill(Event):
    """Somebody wants the run ended now, or withdrew an offer.

    >>> from spacelift_worker import events
    >>> events.Kill("1.2").lease
    '1.2'
    """

    lease: str


@dataclass(frozen=True, slots=True)
class LeaseEnded(Event):
    """The lease ended without being renewed; its run ends, unless it is changing something.

    >>> from spacelift_worker import events
    >>> events.LeaseEnded("1.2").lease
    '1.2'
    """

    lease: str


@dataclass(frozen=True, slots=True)
class Drained(Event):
    """Whether new work is refused changed.

    >>> from spacelift_worker import events
    >>> events.Drained(True).drained
    True
    """

    drained: bool


@dataclass(frozen=True, slots=True)
class Cycle(Event):
    """The pool is cycled; this worker ends within 20 seconds.

    >>> from spacelift_worker import events
    >>> events.Cycle()
    Cycle()
    """


@dataclass(frozen=True, slots=True)
class OperationDone(Event):
    """A command was carried out; its operation is done, too.

    >>> from spacelift_worker import events
    >>> events.OperationDone(3).id
    3
    """

    id: int


@dataclass(frozen=True, slots=True)
class OperationFailed(Event):
    """A command was refused or came too late; its operation failed, too.

    >>> from spacelift_worker import events
    >>> events.OperationFailed(3, "taken back by the host").reason
    'taken back by the host'
    """

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Lagged(Event):
    """Events were dropped, since nobody took them; none of them was one that has to be answered.

    >>> from spacelift_worker import events
    >>> events.Lagged(7).lost
    7
    """

    lost: int


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The worker has ended. Nothing follows. ``exit_code`` is the documented one: 0 shut down, 1 failed, 3 never connected, 4 cycled.

    >>> from spacelift_worker import events
    >>> events.Ended(0, None).exit_code
    0
    """

    exit_code: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Other(Event):
    """An event that this version does not know.

    >>> from spacelift_worker import events
    >>> events.Other("new", {"number": 1}).event
    'new'
    """

    event: str
    fields: Mapping[str, Any] = field(repr=False)


_KINDS: dict[str, type[Event]] = {
    "connected": Connected,
    "disconnected": Disconnected,
    "offered": Offered,
    "refused": Refused,
    "started": Started,
    "state": State,
    "line": Line,
    "step": Step,
    "step_signal": StepSignal,
    "step_ready": StepReady,
    "run_ended": RunEnded,
    "reported": Reported,
    "renewed": Renewed,
    "stop": Stop,
    "kill": Kill,
    "lease_ended": LeaseEnded,
    "drained": Drained,
    "cycle": Cycle,
    "operation_done": OperationDone,
    "operation_failed": OperationFailed,
    "lagged": Lagged,
    "ended": Ended,
}


def _of(text: str) -> Event:
    """The event of a JSON object; fields that are not known here are left out."""
    facts: dict[str, Any] = json.loads(text)
    name = facts.pop("event")
    kind = _KINDS.get(name)
    if kind is None:
        return Other(name, facts)
    if "argv" in facts:
        facts["argv"] = tuple(facts["argv"])
    return kind(**{one.name: facts[one.name] for one in fields(kind)})
