package spacelift

hooks[command] {
  command := input.static_run_environment[phase][_]
  re_match(`^(before|after)_`, phase)
}

unknown := hooks - {"terraform fmt -check", "./scripts/login.sh", "tflint", "conftest test plan.json", "./scripts/announce.sh"}

deny[sprintf("%d unknown hooks: %v", [count(unknown), unknown])] {
  count(unknown) > 0
}
