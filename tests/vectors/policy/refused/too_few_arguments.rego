package spacelift

deny contains "x" if startswith(input.docker_image)
