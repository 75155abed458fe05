package spacelift

sample { true }
