package spacelift

deny contains "tracked" if {
  print("the run is", input.run.type, input.nothing)
  input.run.type == "PROPOSED"
}
