package spacelift

closed(run) if run.type == "DESTROY"

closed(run) if run.state == "PREPARING_DESTROY"

deny contains "destroys are closed" if closed(input.run)

deny contains "the rule itself is broken" if not closed(input.run) with input.run.type as "DESTROY" with input.run.state as "PREPARING_DESTROY"

hypothetical if closed(data.spacelift.given) with data.spacelift.given as {"type": "DESTROY"}

given := {"type": "PLAN"}
