package spacelift

change := trim_prefix(data_of("change:"), "change:")

data_of(prefix) := found[0] if {
  found := [m | some m in input.run.user_provided_metadata; startswith(m, prefix)]
}

deny contains "give a change record with the run" if not change

deny contains sprintf("%s is no change record", [change]) if not regex.match(`^CHG\d{4,}$`, change)
