package spacelift

deny[msg] {
  counts := {phase: n | hooks := input.static_run_environment[phase]; is_array(hooks); n := count(hooks)}
  n := counts[phase]
  n > 1
  msg := sprintf("%s has %d hooks of %d", [phase, n, sum([m | m := counts[_]])])
}
