package spacelift

deny[sprintf("status %d", [result.status])] {
  result := exec(["/bin/false", input.run.id])
  result.status != 0
  input.run.type == "TASK"
}

deny["out of reach"] {
  input.run.type == "TASK"
  exec(["/bin/false", input.run.id], {"status": 1, "stdout": input.run.id, "stderr": "false"})
}
