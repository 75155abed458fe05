package spacelift
deny contains "no tasks" if input.run.type == "TASK"
sample if true
