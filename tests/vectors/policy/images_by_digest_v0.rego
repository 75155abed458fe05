package spacelift

deny[sprintf("%v is not pinned by a digest", [input.docker_image])] {
  input.docker_image != ""
  not regex.match(`@sha256:[0-9a-f]{64}$`, input.docker_image)
}
