package spacelift

points contains ["prod", 5] if "env:prod" in input.static_run_environment.stack_labels

points contains ["auto", 3] if input.static_run_environment.auto_deploy

points contains ["hooks", n] if n := count(input.static_run_environment.before_init)

total := sum([n | some [_, n] in points])

deny contains sprintf("%d points: %v", [total, sort([name | some [name, _] in points])]) if total > 8
