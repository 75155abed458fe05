// Package linux_arm64 keeps the archive of a release beside it through `go mod vendor`, which takes folders with packages alone.
package linux_arm64
