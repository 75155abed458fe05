package spacelift

default drift := false

drift := input.run.drift_detection

deny contains "drift detection only reads" if {
  drift
  input.run.type == "TRACKED"
  input.static_run_environment.auto_deploy
}

sample if drift
