package spacelift

deny contains "the first hook has to check the formatting" if not formatting_first

formatting_first if {
  input.static_run_environment.before_init[i] == "terraform fmt -check"
  i == 0
}
