package spacelift

deny["x"] { every l in input.static_run_environment.stack_labels { l == "x" } }
