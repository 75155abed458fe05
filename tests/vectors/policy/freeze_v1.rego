package spacelift

from := time.parse_rfc3339_ns("2024-12-20T00:00:00Z")

to := time.parse_rfc3339_ns("2025-01-02T00:00:00Z")

deny contains sprintf("frozen until %s", [time.format(to)]) if {
  input.run.created_at >= from
  input.run.created_at < to
  not "freeze:exempt" in input.static_run_environment.stack_labels
}
