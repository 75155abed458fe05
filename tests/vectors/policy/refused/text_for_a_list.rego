package spacelift

deny contains sprintf("%s", "x") if input.run.type == "TASK"
