package spacelift

digests := {
  "md5": crypto.md5(input.run.commit.hash),
  "sha1": crypto.sha1(input.run.commit.hash),
  "sha256": crypto.sha256(input.run.commit.hash),
  "hmac md5": crypto.hmac.md5(input.run.commit.hash, "k"),
  "hmac sha1": crypto.hmac.sha1(input.run.commit.hash, "k"),
  "hmac sha512": crypto.hmac.sha512(input.run.commit.hash, "k"),
}

deny[sprintf("%s %s", [name, digest])] { digest := digests[name] }
