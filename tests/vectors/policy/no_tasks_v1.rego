package spacelift

deny contains "tasks are not run by this pool" if input.run.type == "TASK"
