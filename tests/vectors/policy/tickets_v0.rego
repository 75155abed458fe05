package spacelift

deny["the commit names no ticket"] {
  not ticket(input.run.commit.message)
}

ticket(message) { regex.match(`^[A-Z]{2,10}-[0-9]+\b`, message) }
