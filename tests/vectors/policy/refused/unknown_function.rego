package spacelift

deny contains "x" if starts_with(input.docker_image, "x")
