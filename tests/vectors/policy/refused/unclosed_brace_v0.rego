package spacelift

deny["x"] {
  input.run.type == "TASK"
