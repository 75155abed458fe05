package spacelift

expected := {"DB_ENGINE": "eae35047", "DB_VERSION": "fc40d152"}

deny contains sprintf("%s is not what it should be", [name]) if {
  some name, value in input.static_run_environment.environment_variables
  expected[name] != value
}

deny contains "sanitized changed" if sanitized("mysql") != expected.DB_ENGINE

deny contains "sanitized changed" if not sanitized("5.7", expected.DB_VERSION)
