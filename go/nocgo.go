//go:build !cgo

package spaceliftworker

// The package binds a C library: build with CGO_ENABLED=1 and a C compiler.
var _ = spaceliftworker_needs_cgo_and_a_c_compiler
