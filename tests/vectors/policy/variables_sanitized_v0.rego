package spacelift

# Secrets arrive sanitized, so that a known value can be demanded without being seen.
deny["another database engine"] {
  input.static_run_environment.environment_variables.DB_ENGINE != sanitized("mysql")
}

deny[sprintf("a listed password: %s", [digits])] {
  listed := ["hunter2", "letmein"]
  sanitized(listed[_], digits)
  input.static_run_environment.environment_variables[_] == digits
}
