package spacelift

default sample := input.run.drift_detection

deny contains "x" if false
