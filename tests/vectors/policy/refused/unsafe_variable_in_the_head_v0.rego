package spacelift

deny[reason] { input.run.type == "TASK" }
