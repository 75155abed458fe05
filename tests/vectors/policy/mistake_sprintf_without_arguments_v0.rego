package spacelift

deny[sprintf("run %s of %s is closed", [input.run.id])] { input.run.type == "TASK" }
deny[sprintf("%d hooks", ["many"])] { input.run.type == "PROPOSED" }
