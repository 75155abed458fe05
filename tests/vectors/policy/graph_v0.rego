package spacelift

neighbours := {"network-prod": ["dns-prod"], "dns-prod": ["vault-prod"], "vault-prod": []}

deny[sprintf("%s depends on a closed stack", [slug])] {
  slug := input.static_run_environment.stack_slug
  reachable := graph.reachable(neighbours, {slug})
  reachable["vault-prod"]
  input.run.type == "DESTROY"
}
