p3{"run": {"type": "TASK"}, "workflow": ["a b", "c"]}package spacelift
import rego.v1
deny contains sprintf("%v %5d", [c, count(c)]) if {
  some c in input.workflow
  regex.match(`^a.*b$`, c)
}
