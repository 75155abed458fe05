"""An independent reader and writer of sealed run state, version 1, over Python's `cryptography` (50 or later).

It shares no code with the Rust one: what both agree on is the format.

    python sealed.py        reads requests, one a line, and answers each with one line

    {"operation": "seal", "recipient", "context", "signer", "plain"} -> {"sealed"}
    {"operation": "unseal", "keys", "context", "signed_by", "sealed"} -> {"plain"} or {"error"}

Keys are PEM, bytes are base64. `signer` may be null (unsigned); `signed_by` is a list of public keys, "recipient", or
null (unsigned). README.md has the words of `error`.
"""

import base64
import hashlib
import json
import re
import sys

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

PREFIX = b"spacelift-worker/sealed/v1\n"
TYPE, ALG, ENC = "spacelift-worker/sealed", "RSA-OAEP-256", "Cobblestone-256"
SHA256 = hashes.SHA256()
OAEP = padding.OAEP(padding.MGF1(SHA256), SHA256, None)
MAX_HEADER, MAX_SIGNATURE = 16_384, 1_366
BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
KEY, VALUE = re.compile(r"[a-z_]{1,32}"), re.compile(r"[ !#-\[\]-~]{1,256}")


def pss(salt=32):
    return padding.PSS(padding.MGF1(SHA256), salt)


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def spki(public, form=serialization.Encoding.DER):
    return public.public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)


def kid(public):
    return b64u(hashlib.sha256(spki(public)).digest())


def header_of(recipient_kid, wrapped, signer_kid, context):
    header = {"v": 1, "type": TYPE, "alg": ALG, "enc": ENC, "kid": recipient_kid, "key": b64u(wrapped)}
    if signer_kid is not None:
        header["signer"] = signer_kid
    return header | {"context": dict(sorted(context.items()))}


def dump(header):
    return json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()


def encrypt(key, context, plain):
    encryptor = Cobblestone256Encryptor(key, context)
    return encryptor.update(plain) + encryptor.finalize()


def seal(recipient, context, signer, plain):
    key = Cobblestone256Encryptor.generate_key()
    signer_kid = kid(signer.public_key()) if signer else None
    line = dump(header_of(kid(recipient), recipient.encrypt(key, OAEP), signer_kid, context))
    signature = b64u(signer.sign(PREFIX + line, pss(), SHA256)) if signer else "-"
    head = line + b"\n" + signature.encode() + b"\n"
    return head + encrypt(key, head, plain)


class Refused(Exception):
    """Its text is one of the words of README.md."""


def need(condition, word):
    if not condition:
        raise Refused(word)


def unb64u(text, word="form"):
    need(isinstance(text, str) and BASE64URL.fullmatch(text), word)
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Refused(word) from None
    need(b64u(data) == text, word)
    return data


def take_line(sealed, limit):
    end = sealed.find(b"\n", 0, limit + 1)
    need(end >= 0, "form" if len(sealed) > limit else "cut_short")
    return sealed[:end], sealed[end + 1 :]


def parse(line):
    """The header in its fixed form: parsed, written again, compared."""
    word = "version" if line.startswith(b'{"v":') and not line.startswith(b'{"v":1,') else "form"
    try:
        header = json.loads(line)
        context, signer = header["context"], header.get("signer")
        need(type(header["v"]) is int, word)
        need((header["v"], header["type"], header["alg"], header["enc"]) == (1, TYPE, ALG, ENC), word)
        word = "form"
        need(len(context) <= 16, word)
        need(all(KEY.fullmatch(name) and VALUE.fullmatch(value) for name, value in context.items()), word)
        for name in [header["kid"]] + ([signer] if "signer" in header else []):
            need(len(unb64u(name, word)) == 32, word)
        wrapped = unb64u(header["key"], word)
        again = dump(header_of(header["kid"], wrapped, signer, context))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(word) from None
    need(again == line, word)
    return header, wrapped


def unseal(privates, expected, signed_by, sealed):
    line, rest = take_line(sealed, MAX_HEADER)
    signature, body = take_line(rest, MAX_SIGNATURE)
    header, wrapped = parse(line)
    if signature != b"-":
        need(signature.isascii() and signature, "form")
        raw_signature = unb64u(signature.decode())
    signer = header.get("signer")
    need((signer is None) == (signature == b"-"), "form")
    need(header["context"] == expected, "context")
    if signed_by is None:
        need(signer is None, "signed")
        public = None
    else:
        need(signer is not None, "unsigned")
        recipient_signs = signed_by == "recipient"
        trusted = [private.public_key() for private in privates] if recipient_signs else signed_by
        public = next((key for key in trusted if kid(key) == signer), None)
        need(public and not (recipient_signs and signer != header["kid"]), "untrusted")
    private = next((key for key in privates if kid(key.public_key()) == header["kid"]), None)
    need(private, "recipient")
    need(len(wrapped) == (private.key_size + 7) // 8, "form")
    if public:
        try:
            public.verify(raw_signature, PREFIX + line, pss(), SHA256)
        except InvalidSignature:
            raise Refused("signature") from None
    try:
        decryptor = Cobblestone256Decryptor(private.decrypt(wrapped, OAEP), line + b"\n" + signature + b"\n")
        return decryptor.update(body) + decryptor.finalize()
    except Exception:
        raise Refused("damaged") from None


def load_private(text):
    return serialization.load_pem_private_key(text.encode(), None)


def load_public(text):
    return serialization.load_pem_public_key(text.encode())


def trust(signed_by, load=load_public):
    return [load(text) for text in signed_by] if isinstance(signed_by, list) else signed_by


def answer(request):
    context = request["context"]
    if request["operation"] == "seal":
        signer = request["signer"] and load_private(request["signer"])
        sealed = seal(load_public(request["recipient"]), context, signer, base64.b64decode(request["plain"]))
        return {"sealed": base64.b64encode(sealed).decode()}
    privates = [load_private(text) for text in request["keys"]]
    try:
        plain = unseal(privates, context, trust(request["signed_by"]), base64.b64decode(request["sealed"]))
        return {"plain": base64.b64encode(plain).decode()}
    except Refused as refused:
        return {"error": str(refused)}


if __name__ == "__main__":
    for text in sys.stdin:
        print(json.dumps(answer(json.loads(text))), flush=True)
