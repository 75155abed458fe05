package spacelift

verdict := "closed" if {
  input.static_run_environment.stack_space == "archive"
} else := "task" if {
  input.run.type == "TASK"
} else := "branch" if {
  input.run.type == "TRACKED"
  input.run.commit.branch != "main"
} else := "open"

deny contains sprintf("verdict: %s", [verdict]) if verdict != "open"
