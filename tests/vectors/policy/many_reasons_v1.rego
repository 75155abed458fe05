package spacelift

deny contains sprintf("%s.%s", [section, key]) if {
  some section in ["run", "static_run_environment"]
  some key, value in input[section]
  value == null
}

deny contains "empty " if input.run.title == ""

deny contains reason if some reason in input.run.changes
