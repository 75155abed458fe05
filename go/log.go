package spaceliftworker

/*
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <spacelift/worker.h>

// Comes from a thread of the library, which never enters Go: the line goes into a socket, whole, or is dropped when nobody
// takes lines.
static void spaceliftworker_log(const char *line, size_t line_len, void *user_data) {
    while (send((int)(intptr_t)user_data, line, line_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

// The end of it, for the other side.
static void spaceliftworker_log_drop(void *user_data) { close((int)(intptr_t)user_data); }

static slw_status spaceliftworker_set_log(slw_session_options *options, int32_t level, int fd, slw_error **error_out) {
    return slw_session_options_set_log(options, level, spaceliftworker_log, (void *)(intptr_t)fd,
                                       spaceliftworker_log_drop, error_out);
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"syscall"
	"time"
)

// logPipe brings lines of the library's log to a logger.
type logPipe struct {
	file *os.File
	done chan struct{}
}

func levelOf(logger *slog.Logger) C.int32_t {
	for _, level := range []struct {
		level slog.Level
		ours  C.int32_t
	}{{slog.LevelDebug, C.SLW_LOG_DEBUG}, {slog.LevelInfo, C.SLW_LOG_INFO}, {slog.LevelWarn, C.SLW_LOG_WARN}} {
		if logger.Enabled(context.Background(), level.level) {
			return level.ours
		}
	}
	return C.SLW_LOG_ERROR
}

func openLog(options *C.slw_session_options, logger *slog.Logger) (*logPipe, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	pipe := &logPipe{file: os.NewFile(uintptr(ends[0]), "spacelift-worker-log"), done: make(chan struct{})}
	var cerr *C.slw_error
	if err := failure(C.spaceliftworker_set_log(options, levelOf(logger), C.int(ends[1]), &cerr), &cerr); err != nil {
		_ = pipe.file.Close()
		_ = syscall.Close(ends[1])
		return nil, err
	}
	go pipe.forward(logger)
	return pipe, nil
}

func (p *logPipe) forward(logger *slog.Logger) {
	defer close(p.done)
	line := make([]byte, 256*1024)
	for {
		n, err := p.file.Read(line)
		if err != nil || n == 0 {
			return
		}
		record(logger, line[:n])
	}
}

// record makes a record of a line, whose fields become attributes.
func record(logger *slog.Logger, line []byte) {
	fields := map[string]any{}
	if json.Unmarshal(line, &fields) != nil {
		return
	}
	level := slog.LevelInfo
	if name, ok := fields["level"].(string); ok {
		_ = level.UnmarshalText([]byte(name))
	}
	message, _ := fields["msg"].(string)
	at := time.Now()
	if ts, ok := fields["ts"].(string); ok {
		if parsed, err := time.Parse(time.RFC3339Nano, ts); err == nil {
			at = parsed
		}
	}
	if !logger.Enabled(context.Background(), level) {
		return
	}
	r := slog.NewRecord(at, level, message, 0)
	for name, value := range fields {
		if name != "level" && name != "msg" && name != "ts" {
			r.AddAttrs(slog.Any(name, value))
		}
	}
	_ = logger.Handler().Handle(context.Background(), r)
}

// close waits for the lines that are on their way.
func (p *logPipe) close() {
	_ = p.file.SetReadDeadline(time.Now().Add(time.Second))
	<-p.done
	_ = p.file.Close()
}
