package spacelift

deny contains "x" if {
  t := input.run.type
  t := "TASK"
}
