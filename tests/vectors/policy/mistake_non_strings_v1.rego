package spacelift

deny contains {"reason": "an object"} if input.run.type == "TASK"

deny contains 42 if input.run.type == "PROPOSED"
