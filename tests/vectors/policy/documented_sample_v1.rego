package spacelift

sample := true
