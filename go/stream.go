package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import (
	"errors"
	"io"
	"os"
	"sync"
)

// room is for the output of a piece of input as most programs give it: 64 KiB, sealed, or masked with everything in it grown.
const room = 128 * 1024

// transform is a stream of the library: update takes input as far as output goes, finish gives the end.
type transform[T comparable] struct {
	update func(handle T, in []byte, consumed *C.size_t, out []byte, written *C.size_t, err **C.slw_error) C.slw_status
	finish func(handle T, out []byte, written *C.size_t, err **C.slw_error) C.slw_status
}

// writer sends what is written through a stream and on.
type writer[T comparable] struct {
	mu     sync.Mutex
	h      *shared[T]
	stream *transform[T]
	to     io.Writer
	out    []byte
	failed error
}

func newWriter[T comparable](to io.Writer, h *shared[T], stream *transform[T]) *writer[T] {
	return &writer[T]{h: h, stream: stream, to: to, out: make([]byte, room)}
}

func (w *writer[T]) write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return 0, w.failed
	}
	taken := 0
	for {
		var consumed, written C.size_t
		var status C.slw_status
		err := w.h.use(func(handle T) error {
			var cerr *C.slw_error
			status = w.stream.update(handle, p[taken:], &consumed, w.out, &written, &cerr)
			return failure(status, &cerr)
		})
		if err == nil && written > 0 {
			err = w.forward(int(written))
		}
		if err != nil {
			w.failed = err
			return taken, err
		}
		taken += int(consumed)
		if status == C.SLW_OK {
			return taken, nil
		}
	}
}

func (w *writer[T]) forward(written int) error {
	n, err := w.to.Write(w.out[:written])
	if err == nil && n < written {
		err = io.ErrShortWrite
	}
	return err
}

// close finishes the stream and frees it; after an error it frees it alone.
func (w *writer[T]) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.failed, os.ErrClosed) {
		return nil
	}
	err := w.failed
	for err == nil {
		var written C.size_t
		var status C.slw_status
		err = w.h.use(func(handle T) error {
			var cerr *C.slw_error
			status = w.stream.finish(handle, w.out, &written, &cerr)
			return failure(status, &cerr)
		})
		if err == nil && written > 0 {
			err = w.forward(int(written))
		}
		if status == C.SLW_OK {
			break
		}
	}
	w.failed = os.ErrClosed
	_ = w.h.close()
	clear(w.out)
	return err
}

// abort frees the stream without finishing it.
func (w *writer[T]) abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = os.ErrClosed
	_ = w.h.close()
	clear(w.out)
}

// reader gives what comes out of a stream whose input is read.
type reader[T comparable] struct {
	mu     sync.Mutex
	h      *shared[T]
	stream *transform[T]
	from   io.Reader
	buffer []byte
	// in is what was read and not taken yet.
	in []byte
	// ended: all was read.
	ended  bool
	failed error
}

func newReader[T comparable](from io.Reader, h *shared[T], stream *transform[T]) *reader[T] {
	return &reader[T]{h: h, stream: stream, from: from, buffer: make([]byte, 64*1024)}
}

func (r *reader[T]) read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return 0, r.failed
	}
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := r.step(p)
		if err != nil {
			r.failed = err
		}
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

func (r *reader[T]) step(p []byte) (int, error) {
	if len(r.in) == 0 && !r.ended {
		n, err := r.from.Read(r.buffer)
		r.in = r.buffer[:n]
		if err == io.EOF {
			r.ended = true
		} else if err != nil {
			return 0, err
		}
	}
	var consumed, written C.size_t
	var status C.slw_status
	finishing := len(r.in) == 0 && r.ended
	err := r.h.use(func(handle T) error {
		var cerr *C.slw_error
		if finishing {
			status = r.stream.finish(handle, p, &written, &cerr)
		} else {
			status = r.stream.update(handle, r.in, &consumed, p, &written, &cerr)
		}
		return failure(status, &cerr)
	})
	if err != nil {
		return 0, err
	}
	r.in = r.in[consumed:]
	if finishing && status == C.SLW_OK {
		err = io.EOF
	}
	return int(written), err
}

func (r *reader[T]) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = os.ErrClosed
	return r.h.close()
}
