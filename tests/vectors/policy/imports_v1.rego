package spacelift

import rego.v1

import input.run as this_run
import input.static_run_environment as env

deny contains "not on a Friday" if {
  time.weekday(this_run.created_at) == "Friday"
  env.auto_deploy == false
}

deny contains "wrong stack" if env.stack_slug != "network-prod"
