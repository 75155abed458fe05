package spacelift

deny[msg] {
  counts := {phase: n | hooks := input.static_run_environment[phase]; is_array(hooks); n := count(hooks)}
  n := counts[name]
  n > 1
  msg := sprintf("%s has %d hooks of %d", [name, n, sum([m | m := counts[_]])])
}
