package spacelift

# One reason for each function, with what it says of a token; those that are undefined are missing.
deny contains sprintf("decode %s", [json.marshal(io.jwt.decode(input.token))])

deny contains sprintf("decode_verify %s", [json.marshal(io.jwt.decode_verify(input.token, input.constraints))])

deny contains sprintf("eddsa %v", [io.jwt.verify_eddsa(input.token, input.key)])

deny contains sprintf("es256 %v", [io.jwt.verify_es256(input.token, input.key)])

deny contains sprintf("es384 %v", [io.jwt.verify_es384(input.token, input.key)])

deny contains sprintf("es512 %v", [io.jwt.verify_es512(input.token, input.key)])

deny contains sprintf("hs256 %v", [io.jwt.verify_hs256(input.token, input.key)])

deny contains sprintf("hs384 %v", [io.jwt.verify_hs384(input.token, input.key)])

deny contains sprintf("hs512 %v", [io.jwt.verify_hs512(input.token, input.key)])

deny contains sprintf("ps256 %v", [io.jwt.verify_ps256(input.token, input.key)])

deny contains sprintf("ps384 %v", [io.jwt.verify_ps384(input.token, input.key)])

deny contains sprintf("ps512 %v", [io.jwt.verify_ps512(input.token, input.key)])

deny contains sprintf("rs256 %v", [io.jwt.verify_rs256(input.token, input.key)])

deny contains sprintf("rs384 %v", [io.jwt.verify_rs384(input.token, input.key)])

deny contains sprintf("rs512 %v", [io.jwt.verify_rs512(input.token, input.key)])
