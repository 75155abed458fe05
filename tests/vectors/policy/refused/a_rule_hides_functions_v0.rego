package spacelift

graph := {"network-prod": ["dns-prod"], "dns-prod": []}

deny["dns"] {
  reachable := graph.reachable(graph, {input.static_run_environment.stack_slug})
  reachable["dns-prod"]
}
