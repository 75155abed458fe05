package spacelift

env := input.static_run_environment

known := {"terraform fmt -check", "./scripts/login.sh", "tflint", "conftest test plan.json", "./scripts/announce.sh"}

hooks contains [phase, command] if {
  some phase, commands in env
  regex.match(`^(before|after)_`, phase)
  some command in commands
}

deny contains sprintf("%s: %q is not a known hook", [phase, command]) if {
  some [phase, command] in hooks
  not command in known
}
