"""An independent reader and writer of sealed run state, version 1, over Python's `cryptography` (50 or later).

It shares no code with the Rust one: what both agree on is the format. It also makes the vectors beside it.

    python sealed.py vectors            writes every vector, with new keys and new randomness
    python sealed.py seal < request     {"recipient", "context", "signer", "plain"} -> {"sealed"}
    python sealed.py unseal < request   {"key", "context", "signed_by", "sealed"} -> {"plain"} or {"error"}

Keys are PEM, `signer` and `signed_by` may be null (unsigned), bytes are base64.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PREFIX = b"spacelift-worker/sealed/v1\n"
FOLDER = pathlib.Path(__file__).parent
SHA256 = hashes.SHA256()
OAEP = padding.OAEP(padding.MGF1(SHA256), SHA256, None)
CHUNK, TAG, HEAD = 16384, 16, 56


def pss(salt=32):
    return padding.PSS(padding.MGF1(SHA256), salt)


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if b64u(data) == text else None


def spki(public, form=serialization.Encoding.DER):
    return public.public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)


def kid(public):
    return b64u(hashlib.sha256(spki(public)).digest())


def fields(recipient, wrapped, signer, context):
    header = {"v": 1, "type": "spacelift-worker/sealed", "alg": "RSA-OAEP-256", "enc": "Cobblestone-256"}
    header |= {"kid": kid(recipient), "key": b64u(wrapped)}
    if signer:
        header["signer"] = kid(signer.public_key())
    return header | {"context": dict(sorted(context.items()))}


def dump(header):
    return json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()


def encrypt(key, context, plain):
    encryptor = Cobblestone256Encryptor(key, context)
    return encryptor.update(plain) + encryptor.finalize()


def seal(recipient, context, signer, plain):
    key = Cobblestone256Encryptor.generate_key()
    line = dump(fields(recipient, recipient.encrypt(key, OAEP), signer, context))
    signature = b64u(signer.sign(PREFIX + line, pss(), SHA256)) if signer else "-"
    head = line + b"\n" + signature.encode() + b"\n"
    return head + encrypt(key, head, plain)


class Refused(Exception):
    pass


def unseal(private, context, signed_by, sealed):
    parts = sealed.split(b"\n", 2)
    if len(parts) < 3 or len(parts[0]) > 16384 or len(parts[1]) > 1366:
        raise Refused("form")
    line, signature, body = parts
    try:
        header = json.loads(line)
    except ValueError:
        raise Refused("form") from None
    if dump(header) != line or not re.fullmatch(rb'[ !#-\[\]-~"]+', line):
        raise Refused("form")
    if header["context"] != context:
        raise Refused("context")
    if header.get("signer") != (kid(signed_by) if signed_by else None):
        raise Refused("untrusted")
    if header["kid"] != kid(private.public_key()):
        raise Refused("recipient")
    if signed_by:
        try:
            signed_by.verify(unb64u(signature.decode()), PREFIX + line, pss(), SHA256)
        except InvalidSignature:
            raise Refused("signature") from None
    try:
        decryptor = Cobblestone256Decryptor(private.decrypt(unb64u(header["key"]), OAEP), line + b"\n" + signature + b"\n")
        return decryptor.update(body) + decryptor.finalize()
    except Exception:
        raise Refused("damaged") from None


# ---- vectors ----

CONTEXT = {
    "phase": "plan",
    "pool": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "purpose": "workspace",
    "run": "01BX5ZZKBKACTAV9WEVGEMMVRZ",
    "stack": "networking",
    "state_version": "3",
}


def pattern(length):
    return bytes(at % 251 for at in range(length))


def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class Maker:
    """Builds files with one fault each, everything else being in order."""

    def __init__(self):
        self.pool = rsa.generate_private_key(65537, 2048)
        self.other = rsa.generate_private_key(65537, 3072)
        self.odd = rsa.generate_private_key(65537, 2056)
        for old in FOLDER.glob("*_*.json"):
            old.unlink()
        keys = {"pool": self.pool, "other": self.other, "odd": self.odd}
        pems = {
            name: {"private": private_pem(key), "public": spki(key.public_key(), serialization.Encoding.PEM).decode()}
            for name, key in keys.items()
        }
        (FOLDER / "keys.json").write_text(json.dumps(pems, indent=1) + "\n")

    def write(self, name, expect, sealed, plain=None, *, context=CONTEXT, keys=("pool",), trust=("pool",), why=""):
        vector = {
            "why": why,
            "expect": expect,
            "keys": list(keys),
            "signed_by": None if trust is None else list(trust),
            "context": context,
            "plain_len": None if plain is None else len(plain),
            "plain_sha256": None if plain is None else hashlib.sha256(plain).hexdigest(),
            "sealed": base64.b64encode(sealed).decode(),
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(vector, indent=1) + "\n")

    def file(
        self, *, edit=None, line=None, wrapped=None, key=None, salt=32, sign=True, signer=None, signature=None, body=None,
        plain=b"plain", body_key=None, body_context=None, context=CONTEXT,
    ):
        """A file whose parts can be replaced: `edit` changes the header line's text, and all after it follows."""
        recipient = self.pool.public_key()
        key = key or Cobblestone256Encryptor.generate_key()
        wrapped = recipient.encrypt(key, OAEP) if wrapped is None else wrapped
        signer = signer or self.pool
        text = line or dump(fields(recipient, wrapped, self.pool if sign else None, context)).decode()
        text = edit(text) if edit else text
        line = text if isinstance(text, bytes) else text.encode()
        proper = b64u(signer.sign(PREFIX + line, pss(salt), SHA256)) if sign else "-"
        signature = proper if signature is None else signature
        signature = signature(proper, line) if callable(signature) else signature
        head = line + b"\n" + signature.encode() + b"\n"
        if len(key) != 32:
            key = bytes(32)
        made = encrypt(body_key or key, body_context(head) if body_context else head, plain)
        return head + (body(made) if body else made)

    def positives(self):
        public = self.pool.public_key()
        for length in (0, 1, 16383, 16384, 16385, 40000):
            plain = pattern(length)
            self.write(f"ok_{length}_bytes", "ok", seal(public, CONTEXT, self.pool, plain), plain)
        plain = b"offer"
        self.write("ok_unsigned", "ok", seal(public, {"purpose": "offer"}, None, plain), plain,
                   context={"purpose": "offer"}, trust=None)
        self.write("ok_two_keys_two_signers", "ok", seal(self.other.public_key(), CONTEXT, self.pool, plain), plain,
                   keys=("pool", "other"), trust=("other", "pool"))
        self.write("ok_modulus_of_257_bytes", "ok", seal(self.odd.public_key(), CONTEXT, self.odd, plain), plain,
                   keys=("odd",), trust=("odd",))
        widest = {chr(97 + at) * 32: "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) not in '"\\')[:93] * 2
                  for at in range(16)}
        self.write("ok_wide_context", "ok", seal(public, widest, self.pool, plain), plain, context=widest)
        self.write("ok_empty_context", "ok", seal(public, {}, self.pool, plain), plain, context={})

    def form(self):
        def sub(old, new, count=1):
            def edit(text):
                assert old in text, old
                return text.replace(old, new, count)

            return edit

        def spare(text):
            return re.sub(r'("key":"[^"]*)"', lambda m: m[1][:-1] + chr(ord(m[1][-1]) + 1) + '"', text)

        kid_text = kid(self.pool.public_key())
        edits = {
            "array_for_object": lambda t: '[1,"spacelift-worker/sealed","RSA-OAEP-256","Cobblestone-256"]',
            "alg_other": sub("RSA-OAEP-256", "RSA-OAEP"),
            "backslash": sub('"networking"', '"net\\\\working"'),
            "bom": lambda t: "\ufeff" + t,
            "capital_field": sub('"kid"', '"Kid"'),
            "carriage_return": lambda t: t + "\r",
            "context_17_entries": sub('"context":{', '"context":{' + ",".join(f'"{c}":"x"' for c in "abcdefghijk") + ","),
            "context_absent": lambda t: re.sub(r',"context":\{.*\}\}', "}", t),
            "context_capital_key": sub('"phase"', '"Phase"'),
            "context_duplicate_key": sub('"phase":"plan"', '"phase":"plan","phase":"plan"'),
            "context_empty_key": sub('"phase":"plan"', '"":"x","phase":"plan"'),
            "context_empty_value": sub('"networking"', '""'),
            "context_long_key": sub('"phase"', '"' + "a" * 33 + '":"x","phase"'),
            "context_long_value": sub('"networking"', '"' + "n" * 257 + '"'),
            "context_null": lambda t: re.sub(r'"context":\{.*\}\}', '"context":null}', t),
            "context_number": sub('"state_version":"3"', '"state_version":3'),
            "context_unsorted": sub('"phase":"plan","pool":"01ARZ3NDEKTSV4RRFFQ69G5FAV"',
                                    '"pool":"01ARZ3NDEKTSV4RRFFQ69G5FAV","phase":"plan"'),
            "control_character": sub("networking", "net\x1fworking"),
            "duplicate_field": sub('"alg":"RSA-OAEP-256"', '"alg":"RSA-OAEP-256","alg":"RSA-OAEP-256"'),
            "empty_object": lambda t: "{}",
            "enc_other": sub("Cobblestone-256", "Cobblestone-128"),
            "escape": sub("networking", "net\\u0077orking"),
            "field_order": sub('"alg":"RSA-OAEP-256","enc":"Cobblestone-256"', '"enc":"Cobblestone-256","alg":"RSA-OAEP-256"'),
            "key_absent": lambda t: re.sub(r',"key":"[^"]*"', "", t),
            "key_one_byte_short": lambda t: re.sub(r'"key":"[^"]*"', f'"key":"{b64u(bytes(255))}"', t),
            "key_padded": lambda t: re.sub(r'("key":"[^"]*)"', r'\1=="', t),
            "key_spare_bits": spare,
            "key_standard_alphabet": lambda t: re.sub(r'("key":"[^"]*?)[-_A-Za-z]', r"\1+", t),
            "kid_short": sub(kid_text, kid_text[:-1]),
            "kid_spare_bits": sub(f'"kid":"{kid_text}"', f'"kid":"{kid_text[:-1] + chr(ord(kid_text[-1]) + 1)}"'),
            "long_header": lambda t: t + " " * 16384,
            "non_ascii": sub("networking", "nétworking"),
            "not_json": lambda t: t[:-1],
            "not_utf8": lambda t: t.encode().replace(b"networking", b"net\xffworking"),
            "signer_null": lambda t: re.sub(r'"signer":"[^"]*"', '"signer":null', t),
            "trailing_bytes": lambda t: t + "{}",
            "type_other": sub("spacelift-worker/sealed", "spacelift-worker/other"),
            "unknown_field": sub('"context"', '"x":"y","context"'),
            "version_absent": sub('"v":1,', ""),
            "white_space": sub('"alg":', '"alg": '),
            "white_space_around": lambda t: " " + t,
        }
        for name, edit in edits.items():
            self.write(f"fail_form_{name}", "form", self.file(edit=edit))
        for name, value in {"float": "1.0", "exponent": "1e0", "leading_zero": "01", "text": '"1"', "two": "2"}.items():
            self.write(f"fail_version_{name}", "version", self.file(edit=sub('"v":1', f'"v":{value}')))
        for name, signature in {
            "absent_though_signer": "-",
            "empty": "",
            "padded": lambda s, line: s + "==",
            "spare_bits": lambda s, line: s[:-1] + chr(ord(s[-1]) + 1),
            "too_long": "A" * 1367,
            "white_space": lambda s, line: s + " ",
        }.items():
            self.write(f"fail_form_signature_{name}", "form", self.file(signature=signature))
        pool_signature = lambda s, line: b64u(self.pool.sign(PREFIX + line, pss(), SHA256))
        self.write("fail_form_signature_without_signer", "form", self.file(sign=False, signature=pool_signature), trust=None)
        whole = self.file()
        self.write("fail_form_empty_first_line", "form", b"\n" + whole)
        self.write("fail_cut_short_empty", "cut_short", b"")
        self.write("fail_cut_short_header", "cut_short", whole[:100])
        self.write("fail_cut_short_before_body", "cut_short", whole[: whole.index(b"\n") + 50])

    def trust(self):
        for name, value in CONTEXT.items():
            changed = CONTEXT | {name: value + "0"}
            self.write(f"fail_context_other_{name}", "context", self.file(context=changed))
        self.write("fail_context_more", "context", self.file(context=CONTEXT | {"zone": "eu"}))
        self.write("fail_context_fewer", "context",
                   self.file(context={k: v for k, v in CONTEXT.items() if k != "stack"}))
        unsigned, signed = self.file(sign=False), self.file()
        self.write("fail_unsigned", "unsigned", unsigned)
        self.write("fail_signed_where_unsigned_expected", "signed", signed, trust=None)
        foreign = seal(self.pool.public_key(), CONTEXT, self.other, b"plain")
        self.write("fail_untrusted_signer", "untrusted", foreign)
        self.write("fail_recipient_other", "recipient", signed, keys=("other",))
        prefixed = lambda prefix: lambda s, line: b64u(self.pool.sign(prefix + line, pss(), SHA256))
        cases = {
            "by_another_key": self.file(signer=self.odd),
            "salt_of_20_bytes": self.file(salt=20),
            "without_prefix": self.file(signature=prefixed(b"")),
            "with_the_offers_prefix": self.file(signature=prefixed(b"spacelift-worker/offer/v1\n")),
            "over_another_header": self.file(signature=signed.split(b"\n")[1].decode()),
            "pkcs1": self.file(signature=lambda s, l: b64u(self.pool.sign(PREFIX + l, padding.PKCS1v15(), SHA256))),
            "sha512": self.file(signature=lambda s, l: b64u(self.pool.sign(
                PREFIX + l, padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA512()))),
            "one_byte_short": self.file(signature=lambda s, l: b64u(self.pool.sign(PREFIX + l, pss(), SHA256)[:-1])),
            "zeros": self.file(signature=b64u(bytes(256))),
        }
        for name, sealed in cases.items():
            self.write(f"fail_signature_{name}", "signature", sealed)

    def damaged(self):
        public = self.pool.public_key()
        sha1 = hashes.SHA1()
        key = bytes(range(32))
        wraps = {
            "oaep_sha1": public.encrypt(key, padding.OAEP(padding.MGF1(sha1), sha1, None)),
            "oaep_mgf1_sha1": public.encrypt(key, padding.OAEP(padding.MGF1(sha1), SHA256, None)),
            "oaep_label": public.encrypt(key, padding.OAEP(padding.MGF1(SHA256), SHA256, b"label")),
            "pkcs1": public.encrypt(key, padding.PKCS1v15()),
            "zeros": bytes(256),
            "ones": b"\xff" * 256,
        }
        for name, wrapped in wraps.items():
            self.write(f"fail_damaged_key_wrapped_{name}", "damaged", self.file(wrapped=wrapped, key=key))
        for length in (0, 16, 31, 33):
            self.write(f"fail_damaged_key_of_{length}_bytes", "damaged", self.file(key=bytes(length) or None)
                       if length else self.file(wrapped=public.encrypt(b"", OAEP), key=bytes(32)))
        self.write("fail_damaged_other_key_committed", "damaged", self.file(body_key=key))
        plain = pattern(3 * CHUNK + 10)
        at = lambda number: HEAD + number * (CHUNK + TAG)

        def flip(index):
            def change(body):
                body = bytearray(body)
                body[index] ^= 1
                return bytes(body)

            return change

        bodies = {
            "salt": (b"plain", flip(0)),
            "commitment": (b"plain", flip(HEAD - 1)),
            "first_byte": (b"plain", flip(HEAD)),
            "tag": (b"plain", flip(-1)),
            "absent": (b"plain", lambda b: b""),
            "prefix_cut": (b"plain", lambda b: b[:HEAD - 1]),
            "no_chunk": (b"plain", lambda b: b[:HEAD]),
            "tag_cut": (b"plain", lambda b: b[:HEAD + TAG - 1]),
            "last_byte_cut": (b"plain", lambda b: b[:-1]),
            "trailing_byte": (b"plain", lambda b: b + b"\0"),
            "trailing_message": (b"plain", lambda b: b + b),
            "last_chunk_cut": (plain, lambda b: b[: at(3)]),
            "last_two_chunks_cut": (plain, lambda b: b[: at(2)]),
            "empty_last_chunk_cut": (pattern(CHUNK), lambda b: b[: at(1)]),
            "chunks_swapped": (plain, lambda b: b[: at(0)] + b[at(1) : at(2)] + b[at(0) : at(1)] + b[at(2) :]),
            "chunk_removed": (plain, lambda b: b[: at(1)] + b[at(2) :]),
            "chunk_repeated": (plain, lambda b: b[: at(1)] + b[at(0) : at(1)] + b[at(1) :]),
            "chunk_in_the_middle": (plain, flip(at(1) + 100)),
        }
        for name, (text, change) in bodies.items():
            self.write(f"fail_damaged_body_{name}", "damaged", self.file(plain=text, body=change))
        contexts = {
            "empty": lambda head: b"",
            "header_alone": lambda head: head[: head.index(b"\n") + 1],
            "without_last_lf": lambda head: head[:-1],
        }
        for name, context in contexts.items():
            self.write(f"fail_damaged_body_context_{name}", "damaged", self.file(body_context=context))


def load_private(text):
    return serialization.load_pem_private_key(text.encode(), None)


def load_public(text):
    return serialization.load_pem_public_key(text.encode())


def main():
    if sys.argv[1:] == ["vectors"]:
        maker = Maker()
        for part in (maker.positives, maker.form, maker.trust, maker.damaged):
            part()
        return
    request = json.load(sys.stdin)
    if sys.argv[1:] == ["seal"]:
        signer = request["signer"] and load_private(request["signer"])
        sealed = seal(load_public(request["recipient"]), request["context"], signer, base64.b64decode(request["plain"]))
        answer = {"sealed": base64.b64encode(sealed).decode()}
    elif sys.argv[1:] == ["unseal"]:
        signed_by = request["signed_by"] and load_public(request["signed_by"])
        try:
            plain = unseal(load_private(request["key"]), request["context"], signed_by, base64.b64decode(request["sealed"]))
            answer = {"plain": base64.b64encode(plain).decode()}
        except Refused as refused:
            answer = {"error": str(refused)}
    else:
        sys.exit(__doc__)
    json.dump(answer, sys.stdout)


main()
