package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import (
	"os"
	"runtime"
	"sync"
	"unsafe"
)

// text copies a text of the library.
func text(p *C.char, length C.size_t) string {
	if p == nil {
		return ""
	}
	return C.GoStringN(p, C.int(length))
}

// chars are the bytes of a string as C takes them; the library borrows them for the call alone.
func chars(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// octets are bytes as C takes them.
func octets(b []byte) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))
}

// grown calls for bytes of unknown length, again where the first room is too small.
func grown(room int, call func(out *C.uint8_t, capacity C.size_t, written *C.size_t) (C.slw_status, error)) ([]byte, error) {
	buffer := make([]byte, room)
	for {
		var written C.size_t
		out, capacity := octets(buffer)
		status, err := call(out, capacity, &written)
		if err != nil {
			return nil, err
		}
		if status != C.SLW_MORE_OUTPUT {
			return buffer[:written], nil
		}
		buffer = make([]byte, written)
	}
}

// shared holds a handle that any number of goroutines may use, until it is closed.
type shared[T comparable] struct {
	mu      sync.RWMutex
	handle  T
	free    func(T)
	cleanup runtime.Cleanup
}

// hold takes a handle; whoever has it closes it, or the garbage collector does some time.
func hold[T comparable](handle T, free func(T)) *shared[T] {
	s := &shared[T]{handle: handle, free: free}
	s.cleanup = runtime.AddCleanup(s, free, handle)
	return s
}

// use calls with the handle, which nobody frees meanwhile: the lock also keeps the holder alive.
func (s *shared[T]) use(call func(T) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.handle == *new(T) {
		return os.ErrClosed
	}
	return call(s.handle)
}

func (s *shared[T]) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle != *new(T) {
		s.cleanup.Stop()
		s.free(s.handle)
		s.handle = *new(T)
	}
	return nil
}

// ProtectProcess keeps the pool's key out of reach of the runs: no other process of this user reads this one's memory or
// environment, and it leaves no core file. It holds for the whole process, and is therefore for its main to call, before Dial.
func ProtectProcess() error {
	var cerr *C.slw_error
	return failure(C.slw_protect_process(&cerr), &cerr)
}
