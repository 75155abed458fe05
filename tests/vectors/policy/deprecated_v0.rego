package spacelift

checks := [input.static_run_environment.refresh_state, input.run.type == "TRACKED"]

deny["not all"] { not all(checks) }
deny["any"] { any([input.run.drift_detection, input.static_run_environment.skip_init]) }
deny[cast_string(label)] {
  label := set_diff({l | l := input.static_run_environment.stack_labels[_]}, {"env:prod", "team:network"})[_]
}
deny["overlap"] { net.cidr_overlap("10.0.0.0/8", input.run.title) }
deny["casts"] { cast_array({1, 2}) == [1, 2]; cast_set([1, 1]) == {1}; cast_boolean(input.run.drift_detection); cast_object(input.run) == input.run; cast_null(input.run.triggered_by) == null }
