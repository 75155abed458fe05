package spacelift

deny[sprintf("no changes on %s at %02d:%02d", [day, hour, minute])] {
  input.run.type == "TRACKED"
  day := time.weekday(input.run.updated_at)
  [hour, minute, _] := time.clock([input.run.updated_at, "Europe/Warsaw"])
  closed(day, hour)
}

closed(day, _) { {"Saturday", "Sunday"}[day] }
closed(_, hour) { hour < 8 }
closed(_, hour) { hour >= 18 }
