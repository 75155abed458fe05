package spacelift

deny contains sprintf("%s is a label of the old kind", [stack]) if {
  some stack in input.static_run_environment.stack_labels
  not contains(stack, ":")
}

commit := input.static_run_environment.commit_sha

deny contains "no commit" if count(commit) != 40
