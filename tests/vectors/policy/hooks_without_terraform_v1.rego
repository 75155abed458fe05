package spacelift

deny contains sprintf("a hook may not call terraform: %s", [hook]) if {
  some hook in input.run.runtime_config.before_init

  contains(hook, "terraform")
  hook != "terraform fmt -check"
}
