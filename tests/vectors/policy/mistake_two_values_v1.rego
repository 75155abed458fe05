package spacelift

owner := "network" if "team:network" in input.static_run_environment.stack_labels

owner := "platform" if "tier:1" in input.static_run_environment.stack_labels

deny contains sprintf("owned by %s", [owner]) if owner != "network"
