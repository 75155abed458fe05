package spacelift

pairs := [
  [input.run.id, input.static_run_environment.run_ulid],
  [input.run.type, input.static_run_environment.run_type],
  [input.run.commit.hash, input.static_run_environment.commit_sha],
  [input.run.commit.branch, input.static_run_environment.commit_branch],
]

deny contains sprintf("the input contradicts itself in pair %d", [i]) if {
  some i, [a, b] in pairs
  a != b
}
