{"package": "spacelift"}
