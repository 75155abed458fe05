module spacelift-worker/peers/cobblestone

go 1.24
