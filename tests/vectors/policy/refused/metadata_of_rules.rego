package spacelift

deny contains rego.metadata.rule().title if true
