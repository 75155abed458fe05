package spacelift

# At the apply the confirmation's metadata stands second.
deny["the apply has to be confirmed with a word"] {
  input.run.state == "PREPARING_APPLY"
  not input.run.user_provided_metadata[1]
}

deny["the second word repeats the first"] {
  input.run.user_provided_metadata[0] == input.run.user_provided_metadata[1]
}
