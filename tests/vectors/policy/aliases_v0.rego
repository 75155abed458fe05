package spacelift

deny["the author is not known"] { not known[commit.author] }
deny["the stack has no owner"] { count(owners) == 0 }
deny["destroys nothing here"] { run.state == "PREPARING_DESTROY" }
deny[image] { runtime_config.runner_image != input.docker_image; image := "two images" }

known := {"alice", "bob"}

owners[team] {
  label := stack.labels[_]
  startswith(label, "team:")
  team := trim_prefix(label, "team:")
}
