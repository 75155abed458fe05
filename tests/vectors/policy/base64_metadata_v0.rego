package spacelift

decoded := base64.decode(input.run.user_provided_metadata[0])

deny["the metadata is not for this commit"] { decoded != input.run.commit.hash }
deny["the metadata cannot be decoded"] { not decoded }
