package spacelift

deny contains "x" if trace("x")
