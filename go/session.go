package spaceliftworker

// #include <fcntl.h>
// #include <spacelift/worker.h>
import "C"

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"math"
	"os"
	"sync"
	"syscall"
	"time"
)

// Options of a session.
type Options struct {
	// Config is the worker's.
	Config Config
	// Ask: each offered run is an event, to be answered within 30 seconds. By default every run is taken.
	Ask bool
	// HostSteps: steps are events, and the host runs them. By default the library does.
	HostSteps bool
	// Lines of run logs are events, too.
	Lines bool
	// Capacity is how many events wait before those are dropped that nobody has to answer; 0 is 1,024.
	Capacity int
	// Logger gets the session's own log, with every secret masked, from the level that it has enabled. Such a session has a
	// thread of its own; all others share one.
	Logger *slog.Logger
}

// Session is a worker that runs. Any number of goroutines may use it.
type Session struct {
	h    *shared[*C.slw_session]
	wake *os.File
	// waiting has a place for the one who waits at the wake descriptor.
	waiting chan struct{}
	closing sync.Once
	log     *logPipe
}

var threads = struct {
	sync.Mutex
	runtime *C.slw_runtime
}{}

// sharedRuntime is the one of all sessions without a logger. It lives as long as the process.
func sharedRuntime() (*C.slw_runtime, error) {
	threads.Lock()
	defer threads.Unlock()
	if threads.runtime == nil {
		var cerr *C.slw_error
		if err := failure(C.slw_runtime_new(0, &threads.runtime, &cerr), &cerr); err != nil {
			return nil, err
		}
	}
	return threads.runtime, nil
}

// Dial sets up a worker and starts it. That it is connected is an event; everything that is wrong with the configuration
// is an error of kind ErrConfig.
func Dial(ctx context.Context, options Options) (*Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var launcher *C.slw_launcher
	err := options.Config.with(func(config *C.slw_config) error {
		var cerr *C.slw_error
		return failure(C.slw_launcher_new(config, &launcher, &cerr), &cerr)
	})
	if err != nil {
		return nil, err
	}
	defer C.slw_launcher_free(launcher)
	return start(launcher, options)
}

// DialMany starts many workers of one configuration: they share the key, the policy and the masks, and each has an identity, a
// connection and runs of its own.
func DialMany(ctx context.Context, options Options, count int) ([]*Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if count <= 0 {
		return nil, nil
	}
	launchers := make([]*C.slw_launcher, count)
	err := options.Config.with(func(config *C.slw_config) error {
		var cerr *C.slw_error
		return failure(C.slw_launcher_new_many(config, C.size_t(count), &launchers[0], &cerr), &cerr)
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, launcher := range launchers {
			C.slw_launcher_free(launcher)
		}
	}()
	sessions := make([]*Session, 0, count)
	for _, launcher := range launchers {
		session, err := start(launcher, options)
		if err != nil {
			for _, session := range sessions {
				_ = session.Close()
			}
			return nil, err
		}
		sessions = append(sessions, session)
	}
	return sessions, nil
}

func start(launcher *C.slw_launcher, options Options) (*Session, error) {
	var chosen *C.slw_session_options
	var cerr *C.slw_error
	if err := failure(C.slw_session_options_new(&chosen, &cerr), &cerr); err != nil {
		return nil, err
	}
	defer C.slw_session_options_free(chosen)
	errs := []error{
		failure(C.slw_session_options_set_ask(chosen, C.bool(options.Ask), &cerr), &cerr),
		failure(C.slw_session_options_set_host_steps(chosen, C.bool(options.HostSteps), &cerr), &cerr),
		failure(C.slw_session_options_set_lines(chosen, C.bool(options.Lines), &cerr), &cerr),
	}
	if options.Capacity > 0 {
		errs = append(errs, failure(C.slw_session_options_set_capacity(chosen, C.size_t(options.Capacity), &cerr), &cerr))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var runtime *C.slw_runtime
	var log *logPipe
	var err error
	if options.Logger != nil {
		log, err = openLog(chosen, options.Logger)
	} else {
		runtime, err = sharedRuntime()
	}
	if err != nil {
		return nil, err
	}
	var session *C.slw_session
	if err := failure(C.slw_session_start(launcher, runtime, chosen, &session, &cerr), &cerr); err != nil {
		return nil, err
	}
	h := hold(session, func(handle *C.slw_session) { C.slw_session_free(handle) })
	// A descriptor of our own, which the poller of Go's runtime may close.
	fd, err := duplicate(uintptr(C.slw_session_wake_handle(session)))
	if err != nil {
		_ = h.close()
		return nil, err
	}
	return &Session{h: h, wake: os.NewFile(fd, "spacelift-worker"), waiting: make(chan struct{}, 1), log: log}, nil
}

func duplicate(fd uintptr) (uintptr, error) {
	copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, C.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return 0, os.NewSyscallError("fcntl", errno)
	}
	return copied, nil
}

// poll takes an event that waits: nil when there is none, io.EOF when there will be none.
func (s *Session) poll() (*Event, error) {
	var taken *C.slw_event
	var status C.slw_status
	err := s.h.use(func(handle *C.slw_session) error {
		var cerr *C.slw_error
		status = C.slw_session_next_event(handle, 0, &taken, &cerr)
		return failure(status, &cerr)
	})
	switch {
	case err != nil:
		return nil, err
	case status == C.SLW_CLOSED:
		return nil, io.EOF
	case taken == nil:
		return nil, nil
	}
	return event(taken)
}

// Next waits for the next event, without a thread. It is io.EOF when the last one was taken, and ctx's error when that is
// over first.
func (s *Session) Next(ctx context.Context) (*Event, error) {
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e, err := s.poll(); e != nil || err != nil {
		return e, err
	}
	raw, err := s.wake.SyscallConn()
	if err != nil {
		return nil, os.ErrClosed
	}
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = s.wake.SetReadDeadline(time.Unix(1, 0))
		close(over)
	})
	var taken *Event
	var failed error
	err = raw.Read(func(uintptr) bool {
		taken, failed = s.poll()
		return taken != nil || failed != nil
	})
	if !stop() {
		<-over
		_ = s.wake.SetReadDeadline(time.Time{})
	}
	switch {
	case taken != nil || failed != nil:
		return taken, failed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, os.ErrClosed
	}
	return nil, nil
}

// Events are all of them until the last one, in a range loop. An error ends the loop; the last event does so without one.
func (s *Session) Events(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			e, err := s.Next(ctx)
			if err == io.EOF {
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (s *Session) command(call func(*C.slw_session, *C.uint64_t, **C.slw_error) C.slw_status) (Operation, error) {
	var operation C.uint64_t
	err := s.h.use(func(handle *C.slw_session) error {
		var cerr *C.slw_error
		return failure(call(handle, &operation, &cerr), &cerr)
	})
	return Operation(operation), err
}

// Accept takes the run that was offered. Its end is an event, as that of every command.
func (s *Session) Accept(lease string) (Operation, error) {
	p, n := chars(lease)
	return s.command(func(handle *C.slw_session, operation *C.uint64_t, err **C.slw_error) C.slw_status {
		return C.slw_session_accept(handle, p, n, operation, err)
	})
}

// Refuse refuses it. The reason is one of busy, cannot_open, drained, expired, malformed, policy_denied, stale,
// unknown_type, unsupported, other; the note is for people and may be empty.
func (s *Session) Refuse(lease, reason, note string) (Operation, error) {
	p, n := chars(lease)
	r, rn := chars(reason)
	t, tn := chars(note)
	return s.command(func(handle *C.slw_session, operation *C.uint64_t, err **C.slw_error) C.slw_status {
		return C.slw_session_refuse(handle, p, n, r, rn, t, tn, operation, err)
	})
}

// ErrFull says that 1 MiB of a step's output waits. Nothing was taken: say it again after EventStepReady.
var ErrFull = errors.New("1 MiB of the step's output waits already")

// StepOutput says what a step of the host printed.
func (s *Session) StepOutput(step uint64, output []byte) error {
	p, n := octets(output)
	return s.h.use(func(handle *C.slw_session) error {
		var cerr *C.slw_error
		status := C.slw_session_step_output(handle, C.uint64_t(step), p, n, &cerr)
		if status == C.SLW_WOULD_BLOCK {
			return ErrFull
		}
		return failure(status, &cerr)
	})
}

// StepExited says how a step of the host ended: with an exit code, or by a signal where that is not 0.
func (s *Session) StepExited(step uint64, exitCode int, signal syscall.Signal) error {
	return s.h.use(func(handle *C.slw_session) error {
		var cerr *C.slw_error
		return failure(C.slw_session_step_exited(handle, C.uint64_t(step), C.int32_t(exitCode), C.int32_t(signal), &cerr), &cerr)
	})
}

// Drain takes no new work, finishes what is in hand, ends.
func (s *Session) Drain() (Operation, error) {
	return s.command(func(handle *C.slw_session, operation *C.uint64_t, err **C.slw_error) C.slw_status {
		return C.slw_session_drain(handle, operation, err)
	})
}

// StopRun does as Drain, and asks the run in hand to end.
func (s *Session) StopRun() (Operation, error) {
	return s.command(func(handle *C.slw_session, operation *C.uint64_t, err **C.slw_error) C.slw_status {
		return C.slw_session_stop_run(handle, operation, err)
	})
}

// KillRun does as Drain, and ends the run in hand at once.
func (s *Session) KillRun() (Operation, error) {
	return s.command(func(handle *C.slw_session, operation *C.uint64_t, err **C.slw_error) C.slw_status {
		return C.slw_session_kill_run(handle, operation, err)
	})
}

// Cancel takes a command back; whether that came in time. Its end is an event all the same.
func (s *Session) Cancel(operation Operation) (bool, error) {
	inTime := false
	err := s.h.use(func(handle *C.slw_session) error {
		var cerr *C.slw_error
		status := C.slw_session_cancel(handle, C.uint64_t(operation), &cerr)
		inTime = status == C.SLW_OK
		return failure(status, &cerr)
	})
	return inTime, err
}

// Shutdown ends the worker: it takes no new work, kills what is in hand when ctx is over (or after its deadline), and says
// goodbye. Whoever waits gets the events that are left, then io.EOF.
func (s *Session) Shutdown(ctx context.Context) error {
	grace := uint32(math.MaxInt32)
	if deadline, ok := ctx.Deadline(); ok {
		grace = uint32(min(max(time.Until(deadline).Milliseconds(), 0), math.MaxInt32))
	}
	if ctx.Err() != nil {
		grace = 0
	}
	stop := context.AfterFunc(ctx, func() { _, _ = s.KillRun() })
	defer stop()
	return s.h.use(func(handle *C.slw_session) error {
		var cerr *C.slw_error
		return failure(C.slw_session_close(handle, C.uint32_t(grace), &cerr), &cerr)
	})
}

// Close ends the worker at once, with its run, and frees the session. Shutdown before it is the gentle way. Again, it does
// nothing.
func (s *Session) Close() error {
	s.closing.Do(func() {
		_ = s.h.use(func(handle *C.slw_session) error {
			return failure(C.slw_session_close(handle, 0, nil), nil)
		})
		_ = s.h.close()
		_ = s.wake.Close()
		if s.log != nil {
			s.log.close()
		}
	})
	return nil
}
