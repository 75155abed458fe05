package spacelift

deny["x"] if { input.run.type == "TASK" }
