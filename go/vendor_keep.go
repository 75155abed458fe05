package spaceliftworker

import (
	_ "github.com/spacelift-worker/spacelift-worker/go/include/spacelift"
	_ "github.com/spacelift-worker/spacelift-worker/go/lib/linux_amd64"
	_ "github.com/spacelift-worker/spacelift-worker/go/lib/linux_arm64"
)
