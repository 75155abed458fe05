package spacelift

default is_module = false

is_module { input.static_run_environment.module == true }

deny["modules are tested elsewhere"] { is_module }
deny["a module has no stack labels"] { is_module; count(input.static_run_environment.stack_labels) > 0 }
