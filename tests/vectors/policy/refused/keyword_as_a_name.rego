package spacelift

if := 1

deny contains "x" if input.run.type == "TASK"
