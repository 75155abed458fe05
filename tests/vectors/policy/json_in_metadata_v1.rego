package spacelift

claims := json.unmarshal(input.run.user_provided_metadata[0])

deny contains "the metadata is no JSON" if not json.is_valid(input.run.user_provided_metadata[0])

deny contains sprintf("approved by %v", [claims.approvers]) if count(claims.approvers) < 2

deny contains "self approval" if input.run.triggered_by in claims.approvers
