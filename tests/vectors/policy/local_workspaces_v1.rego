package spacelift

deny contains "local previews are not run against production" if {
  input.run.based_on_local_workspace
  "env:prod" in input.static_run_environment.stack_labels
}
