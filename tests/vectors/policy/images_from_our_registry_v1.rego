package spacelift

registries := ["registry.example.com/", "public.ecr.aws/spacelift/"]

from_ours if {
  some registry in registries
  startswith(input.docker_image, registry)
}

deny contains sprintf("%s is not from a registry of ours", [input.docker_image]) if {
  input.docker_image != ""
  not from_ours
}

deny contains "the image has no fixed tag" if endswith(input.docker_image, ":latest")
