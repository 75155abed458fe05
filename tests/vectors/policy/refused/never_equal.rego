package spacelift

deny contains "x" if count(input.run.changes) == "many"
