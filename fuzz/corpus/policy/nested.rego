package spacelift
deny contains x if x := [[[[[[[[[[[[[]]]]]]]]]]]]]
