package spacelift

deny["no approval"] { not input.run.user_provided_metadata[_] == "approved" }
