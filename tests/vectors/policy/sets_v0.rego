package spacelift

wanted := {"env", "team", "tier"}
found := {key | [key, _] = split(input.static_run_environment.stack_labels[_], ":")}

missing := wanted - found
strange := found - wanted
common := wanted & found
either := wanted | found

deny[sprintf("missing: %v", [sort(missing)])] { count(missing) > 0 }
deny[sprintf("strange: %v of %v", [strange, either])] { count(strange) > 0 }
deny["nothing in common"] { common == set() }
