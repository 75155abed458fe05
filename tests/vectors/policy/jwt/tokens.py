"""Makes tokens.json anew: keys in every form that a policy may give, tokens signed with them, and tokens that are wrong.

    .venv/bin/python tests/vectors/policy/jwt/tokens.py

Keys and signatures are random, so that a new file has other bytes; what each token is stays the same. The tests ask Open
Policy Agent about all of them.
"""

import base64
import datetime
import hashlib
import hmac
import json
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "512": ec.SECP521R1()}
SECRET = "not-a-real-secret"
# The tests' clock stands at 2025-01-01T00:00:00Z
NOW = 1735689600

rsa_key = rsa.generate_private_key(65537, 2048)
other_rsa_key = rsa.generate_private_key(65537, 3072)
weak_rsa_key = rsa.generate_private_key(65537, 1024)
ec_keys = {size: ec.generate_private_key(curve) for size, curve in CURVES.items()}
ed_key = ed25519.Ed25519PrivateKey.generate()


def b64(data):
    data = data if isinstance(data, bytes) else data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    start = datetime.datetime(2024, 1, 1)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, algorithm)
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def jwk(key, **more):
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = public.public_numbers()
        made = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        numbers, length = public.public_numbers(), (public.curve.key_size + 7) // 8
        name = {256: "P-256", 384: "P-384", 521: "P-521"}[public.curve.key_size]
        made = {"kty": "EC", "crv": name, "x": number(numbers.x, length), "y": number(numbers.y, length)}
    else:
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        made = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
    return {**made, **more}


def signature(alg, data, key=None, salt=None):
    if alg == "none":
        return b""
    if alg == "EdDSA":
        return (key or ed_key).sign(data)
    family, size = alg[:2], alg[2:]
    if family == "HS":
        return hmac.new((key or SECRET).encode(), data, getattr(hashlib, "sha" + size)).digest()
    if family == "RS":
        return (key or rsa_key).sign(data, padding.PKCS1v15(), HASHES[size])
    if family == "PS":
        length = HASHES[size].digest_size if salt is None else salt
        return (key or rsa_key).sign(data, padding.PSS(padding.MGF1(HASHES[size]), length), HASHES[size])
    key = key or ec_keys[size]
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(HASHES[size])))
    length = (key.curve.key_size + 7) // 8
    return r.to_bytes(length, "big") + s.to_bytes(length, "big")


def token(alg, claims, header=None, key=None, salt=None, shown=None):
    header = {"alg": shown or alg, "typ": "JWT"} if header is None else header
    header = header if isinstance(header, str) else json.dumps(header)
    claims = claims if isinstance(claims, str) else json.dumps(claims)
    data = f"{b64(header)}.{b64(claims)}"
    return f"{data}.{b64(signature(alg, data.encode(), key, salt))}"


def signed(data):
    return f"{data}.{b64(signature('HS256', data.encode()))}"


NOT_UTF8 = b'{"sub":"\xff"}'
CLAIMS = {"iss": "ci", "aud": "pool", "sub": "5c2e7a1f9b3d4e6f8a0b1c2d3e4f5a6b7c8d9e0f",
          "spacelift_stack": "network-prod", "nbf": NOW - 60, "exp": NOW + 3600}
ALL = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def with_claims(**changes):
    changed = {**CLAIMS, **changes}
    return {name: value for name, value in changed.items() if value != "@absent"}


tokens = {f"good {alg}": token(alg, CLAIMS) for alg in ALL}
for name, changes in {
    "expired": {"exp": NOW - 1}, "expires now": {"exp": NOW}, "expires in a moment": {"exp": NOW + 0.5},
    "expired a moment ago": {"exp": NOW - 0.5}, "expires in the far future": {"exp": 10**18}, "exp is huge": {"exp": 1e300},
    "exp is negative": {"exp": -1}, "exp is a text": {"exp": str(NOW + 1)}, "exp is null": {"exp": None},
    "never expires": {"exp": "@absent"}, "not yet": {"nbf": NOW + 1}, "from now": {"nbf": NOW},
    "from a moment on": {"nbf": NOW + 0.25}, "nbf is a text": {"nbf": "1"}, "nbf is a list": {"nbf": [1]},
    "another issuer": {"iss": "stranger"}, "no issuer": {"iss": "@absent"}, "an empty issuer": {"iss": ""},
    "another audience": {"aud": "other"}, "no audience": {"aud": "@absent"}, "an empty audience": {"aud": ""},
    "an audience of many": {"aud": ["x", "pool"]}, "an audience of others": {"aud": ["x", 1]}, "an audience of none": {"aud": []},
    "an audience that is a number": {"aud": 5}, "claims of all kinds": {"a": {"b": [1, 2.5, None, True, "é"]}, "n": 12345678901234567890},
}.items():
    tokens[name] = token("HS256", with_claims(**changes))
good = tokens["good HS256"]
head, body, tail = good.split(".")
flipped = tail[:-2] + ("A" if tail[-2] != "A" else "B") + tail[-1]
nested = token("HS256", good, {"alg": "HS256", "cty": "JWT"})
tokens |= {
    "signature changed": f"{head}.{body}.{flipped}",
    "signature cut": f"{head}.{body}.{tail[:-4]}",
    "signature empty": f"{head}.{body}.",
    "signature not base64url": f"{head}.{body}.{tail[:-1]}!",
    "payload changed": f"{head}.{b64(json.dumps(with_claims(sub='0' * 40)))}.{tail}",
    "header changed": f"{b64(json.dumps({'alg': 'HS256', 'typ': 'jwt'}))}.{body}.{tail}",
    "padded": ".".join(part + "=" * (-len(part) % 4) for part in good.split(".")),
    "padded too much": good + "==",
    "with a line end in it": f"{head}\n.{body}.{tail}",
    "with a blank at its end": good + " ",
    "alg none": token("none", CLAIMS),
    "alg None": token("none", CLAIMS, shown="None"),
    "alg missing": token("HS256", CLAIMS, {"typ": "JWT"}),
    "alg empty": token("HS256", CLAIMS, {"alg": ""}),
    "alg a number": token("HS256", CLAIMS, {"alg": 256}),
    "alg in small letters": token("HS256", CLAIMS, shown="hs256"),
    "alg RS256 and an HMAC of the public key": token("HS256", CLAIMS, key=pem(rsa_key), shown="RS256"),
    "alg HS256 with the public key as secret": token("HS256", CLAIMS, key=pem(rsa_key)),
    "alg HS256 with the certificate as secret": token("HS256", CLAIMS, key=certificate(rsa_key)),
    "alg RS512 and an RS256 signature": token("RS256", CLAIMS, shown="RS512"),
    "alg PS256 and an RS256 signature": token("RS256", CLAIMS, shown="PS256"),
    "alg RS256 by another key": token("RS256", CLAIMS, key=other_rsa_key),
    "alg RS256 by a weak key": token("RS256", CLAIMS, key=weak_rsa_key),
    "alg PS256 with a short salt": token("PS256", CLAIMS, salt=8),
    "alg PS256 without a salt": token("PS256", CLAIMS, salt=0),
    "alg ES256 by the key of ES384": token("ES256", CLAIMS, key=ec_keys["384"]),
    "alg ES512 and an ES256 signature": token("ES256", CLAIMS, shown="ES512"),
    "alg ES256 with zeros before its halves": (lambda t: t.rsplit(".", 1)[0] + "." + b64(
        (lambda s: b"\0" + s[:32] + b"\0" + s[32:])(base64.urlsafe_b64decode(t.rsplit(".", 1)[1] + "=="))))(token("ES256", CLAIMS)),
    "alg ES256 with an odd signature": token("ES256", CLAIMS)[:-2],
    "alg ES256 with a signature of zeros": token("ES256", CLAIMS).rsplit(".", 1)[0] + "." + b64(bytes(64)),
    "kid of the RSA key": token("RS256", CLAIMS, {"alg": "RS256", "kid": "rsa"}),
    "kid of another key": token("RS256", CLAIMS, {"alg": "RS256", "kid": "ec256"}),
    "kid of no key": token("RS256", CLAIMS, {"alg": "RS256", "kid": "nobody"}),
    "kid empty": token("RS256", CLAIMS, {"alg": "RS256", "kid": ""}),
    "kid a number": token("RS256", CLAIMS, {"alg": "RS256", "kid": 1}),
    "typ missing": token("HS256", CLAIMS, {"alg": "HS256"}),
    "typ a number": token("HS256", CLAIMS, {"alg": "HS256", "typ": 1}),
    "crit that is known": token("HS256", CLAIMS, {"alg": "HS256", "crit": ["alg"]}),
    "crit that is there and unknown": token("HS256", CLAIMS, {"alg": "HS256", "crit": ["b64"], "b64": False}),
    "crit that is not there": token("HS256", CLAIMS, {"alg": "HS256", "crit": ["b64"]}),
    "crit empty": token("HS256", CLAIMS, {"alg": "HS256", "crit": []}),
    "crit a text": token("HS256", CLAIMS, {"alg": "HS256", "crit": "b64", "b64": False}),
    "crit of numbers": token("HS256", CLAIMS, {"alg": "HS256", "crit": [1], "b64": False}),
    "crit of a text and a number": token("HS256", CLAIMS, {"alg": "HS256", "crit": ["b64", 1], "b64": False}),
    "nested": nested,
    "nested twice": token("HS256", nested, {"alg": "HS256", "cty": "JWT"}),
    "nested in quotes": token("HS256", f'"{good}"', {"alg": "HS256", "cty": "JWT"}),
    "nested in small letters": token("HS256", good, {"alg": "HS256", "cty": "jwt"}),
    "nested around a bad one": token("HS256", f"{head}.{body}.{flipped}", {"alg": "HS256", "cty": "JWT"}),
    "nested around nothing": token("HS256", "nothing", {"alg": "HS256", "cty": "JWT"}),
    "encrypted": token("HS256", CLAIMS, {"alg": "HS256", "enc": "A128GCM"}),
    "header of two algs": token("HS256", CLAIMS, '{"alg":"none","alg":"HS256"}'),
    "payload of two subjects": token("HS256", '{"sub":"a","sub":"b"}'),
    "header not JSON": token("HS256", CLAIMS, "{alg:HS256}"),
    "header a list": token("HS256", CLAIMS, "[]"),
    "header with text behind it": token("HS256", CLAIMS, '{"alg":"HS256"} {}'),
    "payload not JSON": token("HS256", "sub=a"),
    "payload a text": token("HS256", '"sub"'),
    "payload empty": token("HS256", ""),
    "payload an empty object": token("HS256", {}),
    "payload not UTF-8": signed(f"{head}.{b64(NOT_UTF8)}"),
    "two parts": f"{head}.{body}",
    "four parts": good + ".",
    "no part": "deploy",
    "empty": "",
    "dots": "..",
}

jwks = {"keys": [jwk(other_rsa_key, kid="other"), jwk(rsa_key, kid="rsa", alg="RS256", use="sig"), jwk(ec_keys["256"], kid="ec256"),
                 jwk(ed_key, kid="ed", alg="EdDSA")]}
private_jwk = jwk(rsa_key, d=number(rsa_key.private_numbers().d))
keys = {
    "RSA key": pem(rsa_key), "RSA certificate": certificate(rsa_key), "RSA JWK": json.dumps(jwk(rsa_key)),
    "RSA JWK for PS256": json.dumps(jwk(rsa_key, alg="PS256", kid="rsa")), "weak RSA key": pem(weak_rsa_key),
    "P-256 key": pem(ec_keys["256"]), "P-256 certificate": certificate(ec_keys["256"]), "P-256 JWK": json.dumps(jwk(ec_keys["256"])),
    "P-384 key": pem(ec_keys["384"]), "P-384 JWK": json.dumps(jwk(ec_keys["384"])),
    "P-521 key": pem(ec_keys["512"]), "P-521 JWK": json.dumps(jwk(ec_keys["512"])),
    "Ed25519 key": pem(ed_key), "Ed25519 certificate": certificate(ed_key), "Ed25519 JWK": json.dumps(jwk(ed_key)),
    "secret": SECRET, "secret JWK": json.dumps({"kty": "oct", "k": b64(SECRET)}),
    "secret JWK for HS256": json.dumps({"kty": "oct", "k": b64(SECRET), "alg": "HS256", "kid": "s"}),
    "set": json.dumps(jwks), "empty set": '{"keys":[]}',
    "set of an unknown algorithm": json.dumps({"keys": [jwk(rsa_key, alg="RSA-OAEP"), jwk(rsa_key, alg="RS384")]}),
    "set of an unknown kind": json.dumps({"keys": [{"kty": "XYZ"}, jwk(rsa_key)]}),
    "private JWK": json.dumps(private_jwk),
    "private key": rsa_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode(),
    "two keys": pem(rsa_key) + pem(ec_keys["256"]), "key and a line": pem(rsa_key) + "\n", "a line and a key": "key:\n" + pem(rsa_key),
    "key without its last line end": pem(rsa_key).rstrip("\n"), "half a key": pem(rsa_key)[:200],
    "JWK without a number": json.dumps({"kty": "RSA", "e": "AQAB"}), "JSON": "{}", "a list": "[]", "a number": "7", "nothing": "",
}
constraints = {
    "secret": {"secret": SECRET}, "another secret": {"secret": "x"}, "an empty secret": {"secret": ""},
    "secret and alg": {"secret": SECRET, "alg": "HS256"}, "secret and another alg": {"secret": SECRET, "alg": "HS512"},
    "secret and an empty alg": {"secret": SECRET, "alg": ""}, "secret and iss": {"secret": SECRET, "iss": "ci", "aud": "pool"},
    "secret and another iss": {"secret": SECRET, "iss": "else", "aud": "pool"}, "secret and aud": {"secret": SECRET, "aud": "pool"},
    "secret and another aud": {"secret": SECRET, "aud": "else"}, "secret and an empty aud": {"secret": SECRET, "aud": ""},
    "secret and a time before": {"secret": SECRET, "aud": "pool", "time": (NOW - 120) * 10**9},
    "secret and a time after": {"secret": SECRET, "aud": "pool", "time": (NOW + 7200) * 10**9},
    "secret and a time within": {"secret": SECRET, "aud": "pool", "time": NOW * 10**9 + 1},
    "secret and time 0": {"secret": SECRET, "aud": "pool", "time": 0}, "secret and a negative time": {"secret": SECRET, "aud": "pool", "time": -1},
    "secret and a time that is a text": {"secret": SECRET, "aud": "pool", "time": "now"},
    "secret and something unknown": {"secret": SECRET, "sub": "x"}, "secret that is a number": {"secret": 5},
    "secret and cert": {"secret": SECRET, "cert": pem(rsa_key)}, "neither": {"aud": "pool"}, "none at all": {},
}
constraints |= {f"cert: {name}": {"cert": key, "aud": "pool"} for name, key in keys.items()}

path = pathlib.Path(__file__).with_name("tokens.json")
path.write_text(json.dumps({"keys": keys, "constraints": constraints, "tokens": tokens}, indent=1, ensure_ascii=False) + "\n")
print(f"{len(keys)} keys, {len(constraints)} constraints, {len(tokens)} tokens")
