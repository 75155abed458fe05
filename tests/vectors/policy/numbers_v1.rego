package spacelift

deny contains sprintf("%d labels of at most %d", [n, limit]) if {
  n := count(input.static_run_environment.stack_labels)
  limit := min([5, to_number(object.get(input.static_run_environment.environment_variables, "LABELS", "2"))])
  n > limit
}

deny contains sprintf("%v", [numbers.range(1, count(input.run.changes))]) if count(input.run.changes) > 2

deny contains "bits" if bits.and(count(input.run.changes), 1) == 1
