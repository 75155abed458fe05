package spacelift

# `input.stack` is of server-side policies; here it is undefined, and the rule never denies.
deny["locked"] { input.stack.locked_by }
deny["not administrative"] { not input.stack.administrative }
