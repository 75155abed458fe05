"""Checks the token of one long-poll request with `cryptography` alone, by RFC 7515 and 7518.

Reads one JSON object from standard input: the token, the pool's certificate, and the request as it was seen on the wire.
Prints what the token says, or ends with the first thing that is wrong.
"""

import base64
import hashlib
import json
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert encode(data) == text, "a part is not base64url in its one spelling"
    return data


def check(given):
    head, claims, signature = given["token"].split(".")
    certificate = x509.load_pem_x509_certificate(given["certificate"].encode())
    key = certificate.public_key()
    # RFC 7518, 3.5: MGF1 with the same hash, a salt as long as the hash.
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    key.verify(decode(signature), f"{head}.{claims}".encode(), pss, hashes.SHA256())

    subject = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    thumbprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    expected = {
        "alg": "PS256",
        "kid": encode(hashlib.sha256(subject).digest()),
        "typ": "JWT",
        "x5t#S256": encode(thumbprint),
    }
    head, claims = json.loads(decode(head)), json.loads(decode(claims))
    assert head == expected, f"the header is {head}"
    assert claims["iss"] == given["pool"], "iss is not the pool"
    assert f"/{claims['sub']}" in given["target"], "sub is not the worker of the path"
    assert claims["aud"] == given["audience"], "aud is not the origin"
    assert claims["htm"] == given["method"], "htm is not the method"
    assert claims["hto"] == given["target"], "hto is not path and query"
    body = base64.b64decode(given["body"])
    assert claims["htb"] == encode(hashlib.sha256(body).digest()), "htb is not the digest of the body"
    assert claims["iat"] <= given["now"] <= claims["exp"], "it is not valid now"
    assert 0 < claims["exp"] - claims["iat"] <= 60, "it lives too long"
    assert len(claims["jti"]) >= 16 and len(claims["sid"]) >= 16, "jti or sid is short"
    return claims


try:
    print(json.dumps(check(json.load(sys.stdin))))
except InvalidSignature:
    sys.exit("the signature is not the pool's")
except AssertionError as wrong:
    sys.exit(str(wrong))
