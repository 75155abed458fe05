package spacelift

title := input.run.title

deny[upper(title)] { strings.reverse(lower(title)) == lower(title); title != "" }
deny[sprintf("%s|%s|%s", [trim_space(title), replace(title, "the", "a"), substring(title, 0, 5)])] { indexof(title, "private") == 10 }
deny[sprintf("%v", [split(title, " ")])] { count(title) > 24 }
deny[sprintf("%x %08.3f %5d %t %v", [title, 3.14159, 42, true, null])] { startswith(title, "Hex") }
