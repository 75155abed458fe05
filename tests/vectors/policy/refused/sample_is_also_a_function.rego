package spacelift

sample := true

sample(x) := x

deny contains "x" if false
