package spacelift

answer := exec(["/bin/echo", "verify", input.run.commit.hash])

deny contains "the verifier does not know this commit" if not contains(answer.stdout, input.run.commit.hash)

deny contains sprintf("the verifier failed with %d: %s", [answer.status, answer.stderr]) if answer.status != 0
