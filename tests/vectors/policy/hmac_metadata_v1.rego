package spacelift

# The trigger sends the HMAC of commit and stack as metadata.
expected := crypto.hmac.sha256(concat(":", [input.run.commit.hash, input.static_run_environment.stack_slug]), "not-a-real-secret")

signed if {
  some tag in input.run.user_provided_metadata
  crypto.hmac.equal(tag, expected)
}

deny contains "nobody signed this run" if not signed
