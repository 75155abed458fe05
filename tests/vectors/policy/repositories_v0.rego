package spacelift

deny[msg] {
  repository := input.static_run_environment.repository_path
  [owner, name] := split(repository, "/")
  owner != "acme"
  msg := concat(" ", ["repository", name, "belongs to", owner])
}

deny["a repository has an owner and a name"] {
  count(split(input.static_run_environment.repository_path, "/")) != 2
}
