package spacelift

texts contains [path, value] if {
  walk(input, [path, value])
  is_string(value)
}

deny contains sprintf("%s has a control character", [concat(".", [sprintf("%v", [part]) | some part in path])]) if {
  some [path, value] in texts
  regex.match(`[\x00-\x08\x0b-\x1f]`, value)
}
