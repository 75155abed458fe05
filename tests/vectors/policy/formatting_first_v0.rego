package spacelift

deny["the first hook has to check the formatting"] {
  not formatting_first
}

formatting_first {
  input.static_run_environment.before_init[i] == "terraform fmt -check"
  i == 0
}
