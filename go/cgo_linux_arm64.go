//go:build !slw_dev && !slw_system

package spaceliftworker

// Links the archive of a release, which stands in lib/linux_arm64.

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo LDFLAGS: ${SRCDIR}/lib/linux_arm64/libspacelift_worker.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
import "C"
