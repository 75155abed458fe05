package spacelift

deny contains "x" if kind == "TASK"
