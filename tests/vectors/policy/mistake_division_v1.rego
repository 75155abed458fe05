package spacelift

share := count(input.run.changes) / count(input.static_run_environment.after_run)

deny contains "many changes for each hook" if share > 3

deny contains "no share" if not share
