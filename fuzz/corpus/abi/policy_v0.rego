p3{"run": {"type": "TASK"}, "workflow": ["a b", "c"]}package spacelift
deny["no"] { input.run.type == "TASK"; not f(input.stack.labels) }
f(l) { l[_] == "a" }
