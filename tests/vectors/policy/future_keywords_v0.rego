package spacelift

import future.keywords.contains
import future.keywords.every
import future.keywords.if
import future.keywords.in

deny contains "every label needs a colon" if {
  not all_have_colons
}

all_have_colons if {
  every label in input.static_run_environment.stack_labels {
    contains(label, ":")
  }
}
