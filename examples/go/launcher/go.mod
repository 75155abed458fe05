module github.com/spacelift-worker/spacelift-worker/examples/go/launcher

go 1.24

require github.com/spacelift-worker/spacelift-worker/go v0.0.0

replace github.com/spacelift-worker/spacelift-worker/go => ../../../go
