package spacelift

# Also true of every run whose type is not there at all.
deny["only tracked runs"] { not input.run.type == "TRACKED" }
deny["only main"] { not input.run.commit.branch == "main" }
