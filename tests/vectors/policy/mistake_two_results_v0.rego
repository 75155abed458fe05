package spacelift

level(labels) = 1 { labels[_] == "env:prod" }
level(labels) = 2 { labels[_] == "tier:1" }

deny["high"] { level(input.static_run_environment.stack_labels) > 1 }
