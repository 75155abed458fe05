package spacelift

warn contains "careful" if input.run.type == "TASK"

deny contains "never" if false
