p3{"run": {"type": "TASK"}, "workflow": ["a b", "c"]}package spacelift
deny contains "no tasks" if input.run.type == "TASK"
sample if true
