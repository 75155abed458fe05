package spacelift

# Every step of a run is known before anything is started: only the two scripts of this demo may run.
deny[reason] {
	command := input.static_run_environment.workflow[phase]
	not allowed[command]
	reason := sprintf("the %s command is not one of the demo's scripts", [phase])
}

# A command that the stack does not have is empty.
allowed := {"", "./plan.sh", "./apply.sh"}

sample { true }
