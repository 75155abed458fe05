package spacelift

deny contains "x" if opa.runtime().env.HOME
