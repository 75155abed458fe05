package spacelift

deny contains "x if input.run.type == "TASK"
