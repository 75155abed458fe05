package spacelift

deny contains sprintf("%s is no name for a branch of a proposed run", [run.commit.branch]) if {
  run.type == "PROPOSED"
  not regex.match(`^(fix|feature)/[A-Z]+-\d+-`, run.commit.branch)
}
