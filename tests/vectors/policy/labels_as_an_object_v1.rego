package spacelift

labels[key] contains value if {
  some label in input.static_run_environment.stack_labels
  [key, value] := split(label, ":")
}

deny contains sprintf("label %s is missing", [key]) if {
  some key in ["env", "team"]
  not labels[key]
}

deny contains sprintf("label %s has %d values", [key, count(values)]) if {
  some key, values in labels
  count(values) > 1
}
