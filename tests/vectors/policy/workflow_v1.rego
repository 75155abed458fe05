package spacelift

expected := {"init": "terraform init", "plan": "terraform plan", "apply": "terraform apply", "destroy": "terraform destroy"}

changed := {step | some step, command in input.static_run_environment.workflow; command != object.get(expected, step, "")}

deny contains sprintf("changed workflow: %s", [concat(", ", sort(changed))]) if count(changed) > 0
