module github.com/spacelift-worker/spacelift-worker/go

go 1.24
