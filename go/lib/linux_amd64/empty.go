// Package linux_amd64 keeps the archive of a release beside it through `go mod vendor`, which takes folders with packages alone.
package linux_amd64
