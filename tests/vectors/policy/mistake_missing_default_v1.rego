package spacelift

limit := input.run.limit

deny contains "over the limit" if count(input.static_run_environment.before_init) > limit
