package spacelift

allowed := ["10.0.0.0/8", "192.168.0.0/16"]

address := trim_prefix(input.run.triggered_by, "ip:")

inside if {
  some network in allowed
  net.cidr_contains(network, address)
}

deny contains sprintf("%s is outside", [address]) if {
  startswith(input.run.triggered_by, "ip:")
  not inside
}
