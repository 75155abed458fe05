//go:build slw_dev

package spaceliftworker

// Links what `cargo build -p spacelift-worker-ffi --examples` made in a clone.

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo LDFLAGS: -L${SRCDIR}/../target/debug/examples -Wl,-rpath,${SRCDIR}/../target/debug/examples -lspacelift_worker
import "C"
