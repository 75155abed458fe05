package spacelift

seconds := round((input.run.updated_at - input.run.created_at) / 1000000000)

deny contains sprintf("waited %d s, that is %d min %d s", [seconds, floor(seconds / 60), seconds % 60]) if seconds > 60

deny contains "odd number of labels" if count(input.static_run_environment.stack_labels) % 2 == 1
