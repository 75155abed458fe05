package spacelift

default allow = false
allow { input.run.type == "PROPOSED" }
sample { not allow }
