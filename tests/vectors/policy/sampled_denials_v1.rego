package spacelift

sample if count(deny) > 0

sample if input.run.type == "TASK"

deny contains "not main" if input.run.commit.branch != "main"
