package spacelift

words := ["curl", "wget", "nc ", "base64 -d"]

deny[sprintf("hook %d of %s has %q in it", [i, phase, word])] {
  phase := ["before_init", "before_plan", "before_apply"][_]
  command := input.static_run_environment[phase][i]
  word := words[_]
  contains(lower(command), word)
}
