package spacelift

deny contains sprintf("%s is outside of the network team's folders", [root]) if {
  root := input.static_run_environment.project_root
  not glob.match("network/*", ["/"], root)
}

deny contains "the root leads upwards" if ".." in split(input.static_run_environment.project_root, "/")
