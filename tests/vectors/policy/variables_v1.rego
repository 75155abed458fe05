package spacelift

variables := input.static_run_environment.environment_variables

deny contains sprintf("%s may not be set", [name]) if {
  some name, _ in variables
  name in {"TF_CLI_ARGS", "LD_PRELOAD", "TF_LOG_PATH"}
}

deny contains sprintf("%s may not be set", [name]) if {
  some name in object.keys(variables)
  startswith(name, "TF_CLI_ARGS_")
}

deny contains "no region" if not variables.AWS_REGION
