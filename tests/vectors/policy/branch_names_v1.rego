package spacelift

deny contains sprintf("%s is no name for a branch of a proposed run", [branch]) if {
  branch := input.run.commit.branch

  input.run.type == "PROPOSED"
  not re_match("^(fix|feature)\\/.+", branch)
}
