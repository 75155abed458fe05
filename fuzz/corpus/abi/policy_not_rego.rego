p3{"run": {"type": "TASK"}, "workflow": ["a b", "c"]}deny everything
