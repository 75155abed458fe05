package spacelift

deny[x] { some x in input.run.changes }
