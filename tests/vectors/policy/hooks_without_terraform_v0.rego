package spacelift

deny[sprintf("a hook may not call terraform: %s", [hook])] {
  hook := input.run.runtime_config.before_init[_]

  contains(hook, "terraform")
  hook != "terraform fmt -check"
}
