// Package spaceliftworker is a private worker for infrastructure-as-code as a package: the pool's token and keys, sealed
// run state, masking of secrets, run initialization policies, and the session with the control plane.
//
// It binds the C library of the same project (cgo) and needs nothing but the standard library. No goroutine blocks an
// operating system's thread while it waits for events, and no thread of the library ever calls into Go.
//
// Everything that has a Close is to be closed; what was not is freed when it is garbage, some time. After Close a call
// fails with [os.ErrClosed]. Values may be used by several goroutines, unless their documentation says otherwise.
//
// An error of the library is an [*Error]; compare it with the Err values by [errors.Is].
package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import "fmt"

// Version is the version of the library that is linked, such as "0.1.0".
func Version() string { return C.GoString(C.slw_version()) }

func init() {
	if abi := uint32(C.slw_abi_version()); abi != C.SLW_ABI_VERSION {
		panic(fmt.Sprintf("spaceliftworker: the library has ABI %d, and this package was made for %d: link the library of the same release", abi, uint32(C.SLW_ABI_VERSION)))
	}
}
