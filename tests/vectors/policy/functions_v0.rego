package spacelift

is_production(env) { env.stack_labels[_] == "env:prod" }
is_production(env) { endswith(env.stack_slug, "-prod") }

risky(run, env) = reason { is_production(env); run.triggered_by == null; reason := "nobody triggered it" }
risky(run, env) = reason { is_production(env); count(run.changes) > 10; reason := "many changes" }

deny[reason] { reason := risky(input.run, input.static_run_environment) }
