package spacelift

deny[sprintf("the image %s is not the one of this pool", [image])] {
  image := input.docker_image

  image != "registry.example.com/runner:1.4"
}
