package spacelift

hour := 3600 * 1000000000

deny contains "the run waited for more than an hour" if {
  input.run.updated_at - input.run.created_at > hour
}

deny contains "the commit is from the future" if input.run.commit.created_at > input.run.updated_at
