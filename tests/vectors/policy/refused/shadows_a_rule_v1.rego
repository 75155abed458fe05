package spacelift

kinds := {"TASK"}

kinds contains "PLAN" if true

deny contains "x" if "TASK" in kinds
