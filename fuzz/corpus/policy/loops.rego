package spacelift
deny contains x if { x := numbers.range(1, 100000)[_]; x * x == 9 }
