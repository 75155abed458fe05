// Bench says what a call from Go costs: `bench FOLDER` reads `update` or `push` a line, and answers each with the nanoseconds of the
// processor that one write of 64 KiB takes, the best of some batches, as the example boundary of spacelift-worker-py does without Go in between.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	worker "github.com/spacelift-worker/spacelift-worker/go"
)

const (
	batches = 20
	calls   = 128
	size    = 64 << 10
	// CLOCK_THREAD_CPUTIME_ID
	threadTime = 3
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func now() int64 {
	var time syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadTime, uintptr(unsafe.Pointer(&time)), 0)
	return time.Nano()
}

func best(w io.Writer, data []byte) float64 {
	best := 1e18
	for range batches {
		began := now()
		for range calls {
			must(w.Write(data))
		}
		best = min(best, float64(now()-began)/calls)
	}
	return best
}

func update() float64 {
	key := must(worker.GeneratePrivateKey(2048))
	public := must(key.Public())
	w := must(worker.NewSealWriter(io.Discard, worker.SealOptions{Recipient: public, Unsigned: true}))
	defer w.Abort()
	data := make([]byte, size)
	for i := range data {
		data[i] = 7
	}
	return best(w, data)
}

func push(folder string) float64 {
	m := must(worker.NewMaskWriter(io.Discard))
	defer m.Abort()
	for _, secret := range strings.Split(string(must(os.ReadFile(filepath.Join(folder, "secrets")))), "\n") {
		_ = m.AddSecret([]byte(secret))
	}
	return best(m, must(os.ReadFile(filepath.Join(folder, "log"))))
}

func main() {
	runtime.LockOSThread()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() == "update" {
			fmt.Printf("%.1f\n", update())
		} else {
			fmt.Printf("%.1f\n", push(os.Args[1]))
		}
	}
}
