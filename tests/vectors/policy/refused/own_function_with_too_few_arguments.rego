package spacelift

f(a, b) := a == b

deny contains "x" if f(input.run.type)
