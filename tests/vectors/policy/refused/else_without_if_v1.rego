package spacelift

kind := "a" { input.run.type == "TASK" } else := "b"

deny contains kind if true
