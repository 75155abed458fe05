package spacelift

deny contains "x" if count([y | input.run.changes[_] == 1]) > 1
