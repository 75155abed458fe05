// Package spacelift keeps the header beside it through `go mod vendor`, which takes folders with packages alone.
package spacelift
