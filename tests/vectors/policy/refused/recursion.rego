package spacelift

deny contains "x" if deep(input.run)

deep(x) if deep(x.commit)
