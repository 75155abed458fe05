package spacelift

deny contains "x" if time.now_ns() > input.run.created_at
