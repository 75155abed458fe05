package spacelift

deny contains "x" if startswith(prefix, input.docker_image)
