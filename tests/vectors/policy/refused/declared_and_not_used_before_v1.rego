package spacelift

deny contains "x" if {
  t == "TASK"
  t := input.run.type
}
