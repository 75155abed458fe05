package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import "encoding/json"

// EventKind is the kind of an event. Kinds may be added: pass over those that you do not know.
type EventKind int32

// The kinds, and the fields that an Event of each has.
const (
	// EventConnected: the control plane is in reach.
	EventConnected EventKind = C.SLW_EVENT_CONNECTED
	// EventDisconnected: it is not; the next attempt comes by itself. Reason.
	EventDisconnected EventKind = C.SLW_EVENT_DISCONNECTED
	// EventOffered: a run waits for Accept or Refuse. Lease, Run, Phase, Stack, Document.
	EventOffered EventKind = C.SLW_EVENT_OFFERED
	// EventRefused: the library refused an offer by itself. Lease, Reason.
	EventRefused EventKind = C.SLW_EVENT_REFUSED
	// EventStarted: the run is this worker's. Lease, Run, Phase.
	EventStarted EventKind = C.SLW_EVENT_STARTED
	// EventState: the run entered a state. Lease, State, Version.
	EventState EventKind = C.SLW_EVENT_STATE
	// EventLine: a line of a run's log, masked. Line.
	EventLine EventKind = C.SLW_EVENT_LINE
	// EventStep: run this. Step, Argv, Env, Cwd.
	EventStep EventKind = C.SLW_EVENT_STEP
	// EventStepSignal: pass this signal to all that the step started. Step, Signal.
	EventStepSignal EventKind = C.SLW_EVENT_STEP_SIGNAL
	// EventStepReady: there is room for output of the step again. Step.
	EventStepReady EventKind = C.SLW_EVENT_STEP_READY
	// EventRunEnded: the phase ended. Lease, Run, Outcome, Reason.
	EventRunEnded EventKind = C.SLW_EVENT_RUN_ENDED
	// EventReported: the control plane took the report. Run.
	EventReported EventKind = C.SLW_EVENT_REPORTED
	// EventRenewed: the lease goes on. Lease.
	EventRenewed EventKind = C.SLW_EVENT_RENEWED
	// EventStop: somebody asked the run to end. Lease.
	EventStop EventKind = C.SLW_EVENT_STOP
	// EventKill: somebody wants the run ended now, or withdrew an offer. Lease.
	EventKill EventKind = C.SLW_EVENT_KILL
	// EventLeaseEnded: the lease ended without being renewed. Lease.
	EventLeaseEnded EventKind = C.SLW_EVENT_LEASE_ENDED
	// EventDrained: whether new work is refused changed. Drained.
	EventDrained EventKind = C.SLW_EVENT_DRAINED
	// EventCycle: the pool is cycled; this worker ends within 20 seconds.
	EventCycle EventKind = C.SLW_EVENT_CYCLE
	// EventOperationDone: a command was carried out. Operation.
	EventOperationDone EventKind = C.SLW_EVENT_OPERATION_DONE
	// EventOperationFailed: a command was refused or came too late. Operation, Reason.
	EventOperationFailed EventKind = C.SLW_EVENT_OPERATION_FAILED
	// EventLagged: events were dropped, none of which had to be answered. Lost.
	EventLagged EventKind = C.SLW_EVENT_LAGGED
	// EventEnded: the worker has ended; nothing follows. ExitCode, Reason.
	EventEnded EventKind = C.SLW_EVENT_ENDED
)

// Operation is a command of the host; its end is an event.
type Operation uint64

// Event is something that a session has to tell. Its kind says which fields it has. That of a step is a secret: the
// environment is in it.
type Event struct {
	Kind      EventKind `json:"-"`
	Name      string    `json:"event"`
	Operation Operation `json:"id"`
	Lease     string
	Run       string
	Phase     string
	Stack     string
	State     string
	Version   uint64
	Document  json.RawMessage
	Line      string
	Step      uint64
	Argv      []string
	Env       map[string]string
	Cwd       string
	Signal    string
	Outcome   string
	Reason    string
	Note      string
	Worker    string
	Drained   bool
	Lost      uint64
	ExitCode  int `json:"exit_code"`
}

// Environ is the environment of a step as os/exec takes it.
func (e *Event) Environ() []string {
	pairs := make([]string, 0, len(e.Env))
	for name, value := range e.Env {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

// event copies one of the library's, and frees that.
func event(handle *C.slw_event) (*Event, error) {
	defer C.slw_event_free(handle)
	var length C.size_t
	p := C.slw_event_json(handle, &length)
	e := &Event{Kind: EventKind(C.slw_event_kind(handle))}
	return e, json.Unmarshal([]byte(text(p, length)), e)
}
