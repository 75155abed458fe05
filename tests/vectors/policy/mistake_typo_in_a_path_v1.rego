package spacelift

deny contains "tasks are closed" if input.run.typ == "TASK"

deny contains "images are closed" if not startswith(input.dockerimage, "registry.example.com/")
