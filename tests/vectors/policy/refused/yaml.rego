package: spacelift
deny:
  - x
