//go:build slw_system && !slw_dev

package spaceliftworker

// Links what `make capi` installed, as pkg-config finds it.

// #cgo pkg-config: --static spacelift-worker
import "C"
