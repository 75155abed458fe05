package spacelift

label_value(key) = value {
  label := input.static_run_environment.stack_labels[_]
  parts := split(label, ":")
  parts[0] == key
  value := parts[1]
} else = "none" { true }

deny[sprintf("environment %s is not run here", [env])] {
  env := label_value("env")
  not allowed[env]
}

allowed = {"prod", "stage"} { true }
