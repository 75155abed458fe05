package spacelift

deny[sprintf("%s is no name for a branch of a proposed run", [branch])] {
  branch := input.run.commit.branch

  input.run.type == "PROPOSED"
  not re_match("^(fix|feature)\\/.+", branch)
}
