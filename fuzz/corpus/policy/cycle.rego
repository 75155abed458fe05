package spacelift
a := b
b := a
deny contains a
