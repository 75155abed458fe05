package spacelift

default deny := set()

deny contains "x" if input.run.type == "TASK"
