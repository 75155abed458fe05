package spacelift

default sample := false

default sample := true

deny contains "x" if false
