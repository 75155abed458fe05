package spacelift

deny contains "the author is not known" if not commit.author in {"alice", "bob"}

deny contains "only this repository" if stack.repository != "acme/network"

deny contains sprintf("auto deploy of %s", [stack.id]) if stack.autodeploy
