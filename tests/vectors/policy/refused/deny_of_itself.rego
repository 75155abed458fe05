package spacelift

deny contains "x" if count(deny) == 0
