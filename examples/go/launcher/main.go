// Launcher is a custom launcher in Go: it decides about each offered run and runs the steps itself.
//
// It is configured by the documented variables, such as SPACELIFT_TOKEN and SPACELIFT_POOL_PRIVATE_KEY. LAUNCHER_STACK names the
// one stack whose runs it takes; without it every run is taken. SIGTERM drains, a second one ends the run in hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	worker "github.com/spacelift-worker/spacelift-worker/go"
)

func main() { os.Exit(launch()) }

func launch() int {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := worker.ProtectProcess(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	session, err := worker.Dial(context.Background(), worker.Options{
		Config:    worker.ConfigFromEnv(),
		Ask:       true,
		HostSteps: true,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, worker.ErrConfig) {
			return 2
		}
		return 1
	}
	defer session.Close()

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		_, _ = session.Drain()
		<-signals
		_, _ = session.KillRun()
	}()

	steps := &steps{session: session, running: map[uint64]*exec.Cmd{}, room: map[uint64]chan struct{}{}}
	for event, err := range session.Events(context.Background()) {
		if err != nil {
			log.Error("no more events", "error", err)
			return 1
		}
		switch event.Kind {
		case worker.EventConnected:
			log.Info("connected", "worker", event.Worker)
		case worker.EventOffered:
			if wanted := os.Getenv("LAUNCHER_STACK"); wanted == "" || wanted == event.Stack {
				_, err = session.Accept(event.Lease)
			} else {
				_, err = session.Refuse(event.Lease, "other", "this launcher does not take that stack")
			}
			if err != nil {
				log.Warn("the offer was not answered", "error", err)
			}
		case worker.EventStep:
			steps.start(event)
		case worker.EventStepSignal:
			steps.signal(event)
		case worker.EventStepReady:
			steps.ready(event.Step)
		case worker.EventRunEnded:
			log.Info("run ended", "run", event.Run, "outcome", event.Outcome, "reason", event.Reason)
		case worker.EventEnded:
			log.Info("ended", "exit_code", event.ExitCode, "reason", event.Reason)
			return event.ExitCode
		}
	}
	return 0
}

// steps are the commands of the run in hand.
type steps struct {
	session *worker.Session
	mu      sync.Mutex
	running map[uint64]*exec.Cmd
	room    map[uint64]chan struct{}
}

// start runs a step in a process group of its own, so that nothing of it survives a kill.
func (s *steps) start(event *worker.Event) {
	command := exec.Command(event.Argv[0], event.Argv[1:]...)
	command.Dir, command.Env = event.Cwd, event.Environ()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output := &output{steps: s, step: event.Step, room: make(chan struct{}, 1)}
	command.Stdout, command.Stderr = output, output
	s.mu.Lock()
	s.room[event.Step] = output.room
	err := command.Start()
	if err == nil {
		s.running[event.Step] = command
	}
	s.mu.Unlock()
	if err != nil {
		_, _ = fmt.Fprintln(output, err)
		_ = s.session.StepExited(event.Step, 127, 0)
		return
	}
	go func() {
		_ = command.Wait()
		s.mu.Lock()
		delete(s.running, event.Step)
		delete(s.room, event.Step)
		s.mu.Unlock()
		status, _ := command.ProcessState.Sys().(syscall.WaitStatus)
		var signal syscall.Signal
		if status.Signaled() {
			signal = status.Signal()
		}
		_ = s.session.StepExited(event.Step, max(command.ProcessState.ExitCode(), 0), signal)
	}()
}

// signal passes a signal to all that the step started.
func (s *steps) signal(event *worker.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if command := s.running[event.Step]; command != nil {
		number := syscall.SIGTERM
		if event.Signal == "kill" {
			number = syscall.SIGKILL
		}
		_ = syscall.Kill(-command.Process.Pid, number)
	}
}

func (s *steps) ready(step uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if room := s.room[step]; room != nil {
		select {
		case room <- struct{}{}:
		default:
		}
	}
}

// output sends what a step prints, and waits where there is no room for it.
type output struct {
	steps *steps
	step  uint64
	room  chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	for {
		err := o.steps.session.StepOutput(o.step, p)
		if !errors.Is(err, worker.ErrFull) {
			return len(p), err
		}
		select {
		case <-o.room:
		case <-time.After(time.Minute):
			return 0, err
		}
	}
}
