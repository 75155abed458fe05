package spacelift

deny contains "x" if {
  a == b
  b == a
}
