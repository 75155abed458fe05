package spacelift

allowed := ["terraform output", "terraform state list"]

deny contains msg if {
  input.run.type == "TASK"
  command := input.static_run_environment.command
  every prefix in allowed { not startswith(command, prefix) }
  msg := sprintf("the task %q is not on the list of %d", [command, count(allowed)])
}
