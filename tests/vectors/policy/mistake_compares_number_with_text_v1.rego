package spacelift

deny contains "created long ago" if input.run.created_at < "2024-01-01"

deny contains "too late" if input.run.updated_at > 1735686001197898499
