package spacelift

spaces := {"root", "production"}

deny contains sprintf("stack %s of space %s runs elsewhere", [env.stack_slug, env.stack_space]) if {
  not env.stack_space in spaces
}

env := input.static_run_environment
