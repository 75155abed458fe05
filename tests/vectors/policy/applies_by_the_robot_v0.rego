package spacelift

deny["applies are triggered by the deploy robot"] {
  applies
  input.run.triggered_by != "api::01FEGXFB7TWQ2NNF95W7HPRE2E"
}

applies { input.run.state == "PREPARING_APPLY" }
applies { input.static_run_environment.auto_deploy }
