"""Makes the vectors in this folder, and judges them by `sealed.py`. README.md says what stands in them.

    .venv/bin/python tests/vectors/envelope/vectors.py            writes what is missing, removes what is made no more
    .venv/bin/python tests/vectors/envelope/vectors.py --anew     writes all of them, with new keys and new randomness
    .venv/bin/python tests/vectors/envelope/vectors.py --check    changes nothing; fails where a vector and this file disagree
"""

import base64
import hashlib
import json
import pathlib
import re
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sealed import OAEP, PREFIX, SHA256, Refused, b64u, dump, encrypt, header_of, kid, pss, seal, spki, trust, unseal

FOLDER = pathlib.Path(__file__).parent
CHUNK, TAG, SALT, PREFIX_LEN = 16_384, 16, 24, 56
KEYS = {"pool": 2048, "older": 2048, "control": 2048, "other": 3072, "odd": 2056, "largest": 8192}
CONTEXT = {
    "phase": "plan",
    "pool": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "purpose": "workspace",
    "run": "01BX5ZZKBKACTAV9WEVGEMMVRZ",
    "stack": "networking",
    "state_version": "3",
}
OFFER = {"lease": "1.7", "phase": "plan", "pool": CONTEXT["pool"], "purpose": "offer", "run": CONTEXT["run"], "worker": CONTEXT["run"]}


def pattern(length):
    return bytes(at % 251 for at in range(length))


def load_keys(anew):
    """The key pairs of keys.json; those that it lacks are made and added."""
    path = FOLDER / "keys.json"
    texts = {} if anew or not path.exists() else json.loads(path.read_text())
    pairs = {}
    for name, bits in KEYS.items():
        if name in texts:
            pairs[name] = serialization.load_pem_private_key(texts[name]["private"].encode(), None)
            continue
        key = pairs[name] = rsa.generate_private_key(65537, bits)
        plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        public = spki(key.public_key(), serialization.Encoding.PEM).decode()
        texts[name] = {"private": key.private_bytes(*plain).decode(), "public": public}
        path.write_text(json.dumps(texts, indent=1) + "\n")
    return pairs


def derive(key, salt, context):
    """c2sp.org/chunked-encryption, by hand: for bodies that no proper writer makes."""
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    out = HKDFExpand(hashes.SHA512(), 76, info).derive(key)
    return AESGCM(out[:32]), out[32:44], out[44:]


def raw_body(key, context, chunks):
    """A body of these chunks: pairs of a chunk's number and its plaintext."""
    salt = bytes(range(SALT))
    aead, base, commitment = derive(key, salt, context)
    nonce = lambda number: (int.from_bytes(base, "big") ^ number).to_bytes(12, "big")
    return salt + commitment + b"".join(aead.encrypt(nonce(number), plain, None) for number, plain in chunks)


class Maker:
    """Says for each vector what it is; a file is only made when it is asked for, so that naming them is cheap."""

    def __init__(self, keys):
        self.__dict__ |= keys
        self.made = {}

    def add(self, name, expect, make, plain=None, *, context=CONTEXT, keys=("pool",), signed_by=("pool",)):
        """`make` gives the sealed bytes. `signed_by` names keys, or is "recipient" or None."""
        assert name not in self.made, name
        facts = {
            "expect": expect,
            "keys": list(keys),
            "signed_by": list(signed_by) if isinstance(signed_by, tuple) else signed_by,
            "context": context,
            "plain_len": None if plain is None else len(plain),
            "plain_sha256": None if plain is None else hashlib.sha256(plain).hexdigest(),
        }
        self.made[name] = (facts, make)

    def file(
        self, *, edit=None, wrapped=None, key=None, salt=32, sign=True, signer=None, signature=None, body=None, plain=b"plain",
        body_key=None, body_context=None, context=CONTEXT, recipient=None, raw=None, says_signer=None, says_recipient=None,
    ):
        """A file with one thing wrong: `edit` changes the header line's text, and all after it follows from that."""
        recipient = (recipient or self.pool).public_key()
        signer = signer or self.pool
        key = bytes(reversed(range(32))) if key is None else key
        wrapped = recipient.encrypt(key, OAEP) if wrapped is None else wrapped
        signer_kid = kid((says_signer or signer).public_key()) if sign else None
        text = dump(header_of(kid((says_recipient and says_recipient.public_key()) or recipient), wrapped, signer_kid, context)).decode()
        text = edit(text) if edit else text
        line = text if isinstance(text, bytes) else text.encode()
        proper = b64u(signer.sign(PREFIX + line, pss(salt), SHA256)) if sign else "-"
        signature = proper if signature is None else signature
        signature = signature(proper, line) if callable(signature) else signature
        head = line + b"\n" + signature.encode() + b"\n"
        body_key = body_key or (key if len(key) == 32 else bytes(32))
        body_context = body_context(head) if body_context else head
        made = raw_body(body_key, body_context, raw) if raw else encrypt(body_key, body_context, plain)
        return head + (body(made) if body else made)

    def positives(self):
        for length in (0, 1, 16383, 16384, 16385, 40000):
            plain = pattern(length)
            self.add(f"ok_{length}_bytes", "ok", lambda plain=plain: seal(self.pool.public_key(), CONTEXT, self.pool, plain), plain)
        plain = b"offer"

        def one(name, recipient, context, signer, **facts):
            make = lambda: seal(recipient.public_key(), context, signer, plain)
            self.add(name, "ok", make, plain, context=context, **facts)

        one("ok_unsigned", self.pool, {"purpose": "offer"}, None, signed_by=None)
        one("ok_two_keys_two_signers", self.other, CONTEXT, self.pool, keys=("pool", "other"), signed_by=("other", "pool"))
        one("ok_modulus_of_257_bytes", self.odd, CONTEXT, self.odd, keys=("odd",), signed_by=("odd",))
        one("ok_modulus_of_1024_bytes", self.largest, CONTEXT, self.largest, keys=("largest",), signed_by=("largest",))
        one("ok_empty_context", self.pool, {}, self.pool)
        one("ok_workspace_signed_by_its_recipient", self.pool, CONTEXT, self.pool, signed_by="recipient")
        one("ok_workspace_of_an_older_key", self.older, CONTEXT, self.older, keys=("pool", "older"), signed_by="recipient")
        printable = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) not in '"\\')
        widest = {chr(97 + at) * 32: (printable * 3)[:256] for at in range(16)}
        one("ok_wide_context", self.pool, widest, self.pool)

    def form(self):
        def sub(old, new, count=1):
            def edit(text):
                assert old in text, old
                return text.replace(old, new, count)

            return edit

        def field(name, change):
            """Changes the text of one field's value, quotes left as they are."""
            return lambda text: re.sub(f'("{name}":")([^"]*)"', lambda m: m[1] + change(m[2]) + '"', text, count=1)

        def raised(text):
            """The last character raised by one: spare bits that are not zero."""
            return text[:-1] + chr(ord(text[-1]) + 1)

        other_alphabet = lambda text: "+" + text[1:]
        edits = {
            "alg_other": sub("RSA-OAEP-256", "RSA-OAEP"),
            "array_for_context": lambda t: re.sub(r'"context":\{.*\}\}', '"context":[["phase","plan"]]}', t),
            "array_for_object": lambda t: '[1,"spacelift-worker/sealed","RSA-OAEP-256","Cobblestone-256"]',
            "array_of_all_fields": lambda t: json.dumps(list(json.loads(t).values()), separators=(",", ":")),
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
            "context_first": lambda t: re.sub(r'(\{"v":1,)(.*),("context":\{.*\})\}', r"\1\3,\2}", t),
            "context_key_with_a_digit": sub('"phase":"plan"', '"phase":"plan","phase2":"plan"'),
            "context_long_key": sub('"phase"', '"' + "a" * 33 + '":"x","phase"'),
            "context_long_value": sub('"networking"', '"' + "n" * 257 + '"'),
            "context_nested": sub('"networking"', '{"name":"networking"}'),
            "context_null": lambda t: re.sub(r'"context":\{.*\}\}', '"context":null}', t),
            "context_null_value": sub('"networking"', "null"),
            "context_number": sub('"state_version":"3"', '"state_version":3'),
            "context_twice": lambda t: t[:-1] + ',"context":{}}',
            "context_unsorted": sub('"phase":"plan","pool":"01ARZ3NDEKTSV4RRFFQ69G5FAV"',
                                    '"pool":"01ARZ3NDEKTSV4RRFFQ69G5FAV","phase":"plan"'),
            "control_character": sub("networking", "net\x1fworking"),
            "delete_character": sub("networking", "net\x7fworking"),
            "duplicate_field": sub('"alg":"RSA-OAEP-256"', '"alg":"RSA-OAEP-256","alg":"RSA-OAEP-256"'),
            "duplicate_field_other_value": sub('"alg":"RSA-OAEP-256"', '"alg":"none","alg":"RSA-OAEP-256"'),
            "duplicate_version": sub('{"v":1', '{"v":1,"v":1'),
            "empty_object": lambda t: "{}",
            "enc_other": sub("Cobblestone-256", "Cobblestone-128"),
            "escape": sub("networking", "net\\u0077orking"),
            "escape_in_field": sub('"alg"', '"\\u0061lg"'),
            "escape_of_slash": sub("spacelift-worker/sealed", "spacelift-worker\\/sealed"),
            "field_order": sub('"alg":"RSA-OAEP-256","enc":"Cobblestone-256"', '"enc":"Cobblestone-256","alg":"RSA-OAEP-256"'),
            "key_absent": lambda t: re.sub(r',"key":"[^"]*"', "", t),
            "key_empty": field("key", lambda v: ""),
            "key_null": lambda t: re.sub(r'"key":"[^"]*"', '"key":null', t),
            "key_one_byte_long": lambda t: re.sub(r'"key":"[^"]*"', f'"key":"{b64u(bytes(257))}"', t),
            "key_one_byte_short": lambda t: re.sub(r'"key":"[^"]*"', f'"key":"{b64u(bytes(255))}"', t),
            "key_padded": field("key", lambda v: v + "=="),
            "key_spare_bits": field("key", raised),
            "key_standard_alphabet": field("key", other_alphabet),
            "key_white_space": field("key", lambda v: v[:64] + " " + v[64:]),
            "kid_absent": lambda t: re.sub(r',"kid":"[^"]*"', "", t),
            "kid_null": lambda t: re.sub(r'"kid":"[^"]*"', '"kid":null', t),
            "kid_padded": field("kid", lambda v: v + "="),
            "kid_short": field("kid", lambda v: v[:-1]),
            "kid_spare_bits": field("kid", raised),
            "kid_standard_alphabet": field("kid", other_alphabet),
            "long_header": lambda t: t + " " * 16384,
            "non_ascii": sub("networking", "nétworking"),
            "not_json": lambda t: t[:-1],
            "not_utf8": lambda t: t.encode().replace(b"networking", b"net\xffworking"),
            "null": lambda t: "null",
            "signer_behind_context": lambda t: re.sub(r',"signer":"([^"]*)"(.*)\}', r'\2,"signer":"\1"}', t),
            "signer_empty": field("signer", lambda v: ""),
            "signer_null": lambda t: re.sub(r'"signer":"[^"]*"', '"signer":null', t),
            "signer_padded": field("signer", lambda v: v + "="),
            "signer_spare_bits": field("signer", raised),
            "signer_twice": lambda t: re.sub(r'("signer":"[^"]*")', r"\1,\1", t),
            "text_for_object": lambda t: '"spacelift-worker/sealed"',
            "trailing_bytes": lambda t: t + "{}",
            "trailing_comma": lambda t: t[:-1] + ",}",
            "trailing_nul": lambda t: t + "\0",
            "type_other": sub("spacelift-worker/sealed", "spacelift-worker/other"),
            "unknown_field": sub('"context"', '"x":"y","context"'),
            "unknown_field_null": lambda t: t[:-1] + ',"x":null}',
            "version_after_white_space": sub('"v":1', '"v": 1'),
            "version_absent": sub('"v":1,', ""),
            "version_behind": lambda t: "{" + t[7:-1] + ',"v":1}',
            "white_space": sub('"alg":', '"alg": '),
            "white_space_around": lambda t: " " + t,
            "white_space_behind": lambda t: t + " ",
            "white_space_tab": sub(',"alg":', ',\t"alg":'),
        }
        for name, edit in edits.items():
            self.add(f"fail_form_{name}", "form", lambda edit=edit: self.file(edit=edit))
        for name, value in {
            "exponent": "1e0", "false": "false", "float": "1.0", "leading_zero": "01", "list": "[1]", "minus": "-1", "null": "null", "text": '"1"',
            "true": "true", "two": "2", "zero": "0",
        }.items():
            edit = sub('"v":1', f'"v":{value}')
            self.add(f"fail_version_{name}", "version", lambda edit=edit: self.file(edit=edit))
        for name, signature in {
            "absent_though_signer": "-",
            "carriage_return": lambda s, line: s + "\r",
            "empty": "",
            "padded": lambda s, line: s + "==",
            "spare_bits": lambda s, line: raised(s),
            "standard_alphabet": lambda s, line: other_alphabet(s),
            "too_long": "A" * 1367,
            "two_hyphens": "--=",
            "white_space": lambda s, line: s + " ",
        }.items():
            self.add(f"fail_form_signature_{name}", "form", lambda signature=signature: self.file(signature=signature))
        pool_signature = lambda s, line: b64u(self.pool.sign(PREFIX + line, pss(), SHA256))
        self.add("fail_form_signature_without_signer", "form", lambda: self.file(sign=False, signature=pool_signature), signed_by=None)
        self.add("fail_form_empty_first_line", "form", lambda: b"\n" + self.file())
        self.add("fail_form_body_alone", "form", lambda: b"\n\n" + self.file().split(b"\n", 2)[2])
        self.add("fail_form_header_without_end", "form", lambda: b"{" * 16385)
        self.add("fail_form_signature_without_end", "form", lambda: self.file().split(b"\n")[0] + b"\n" + b"A" * 1367)
        self.add("fail_cut_short_header_at_its_bound", "cut_short", lambda: b"{" * 16384)
        self.add("fail_cut_short_signature_at_its_bound", "cut_short", lambda: self.file().split(b"\n")[0] + b"\n" + b"A" * 1366)
        self.add("fail_cut_short_empty", "cut_short", lambda: b"")
        self.add("fail_cut_short_first_byte", "cut_short", lambda: self.file()[:1])
        self.add("fail_cut_short_header", "cut_short", lambda: self.file()[:100])

    def cuts(self):
        """Files cut at, one before and one behind every place where a part ends."""
        plain = pattern(CHUNK + 10)

        first = lambda whole: whole.index(b"\n") + 1
        body = lambda whole: whole.index(b"\n", first(whole)) + 1
        small = {"header": first, "signature": body, "salt": lambda w: body(w) + SALT, "commitment": lambda w: body(w) + PREFIX_LEN}
        large = {
            "chunk_before_its_tag": lambda w: body(w) + PREFIX_LEN + CHUNK,
            "chunk": lambda w: body(w) + PREFIX_LEN + CHUNK + TAG,
            "last_chunk_before_its_tag": lambda w: len(w) - TAG,
        }
        steps = {"one_before_the_end_of": -1, "at_the_end_of": 0, "one_behind_the_end_of": 1}
        for part, at in (small | large).items():
            text = plain if part in large else b"plain"
            for step, by in steps.items():
                expect = "cut_short" if part == "header" or (part == "signature" and by < 0) else "damaged"
                make = lambda text=text, at=at, by=by: (lambda whole: whole[: at(whole) + by])(self.file(plain=text))
                self.add(f"fail_{expect}_cut_{step}_{part}", expect, make)

    def trust(self):
        pool, older, other, control = self.pool, self.older, self.other, self.control
        for name, value in CONTEXT.items():
            changed = CONTEXT | {name: value + "0"}
            self.add(f"fail_context_other_{name}", "context", lambda changed=changed: self.file(context=changed))
        contexts = {
            "more": CONTEXT | {"zone": "eu"},
            "fewer": {k: v for k, v in CONTEXT.items() if k != "stack"},
            "empty": {},
            "capitals": CONTEXT | {"stack": "Networking"},
            "values_swapped": CONTEXT | {"run": CONTEXT["pool"], "pool": CONTEXT["run"]},
            "white_space": CONTEXT | {"stack": "networking "},
        }
        for name, context in contexts.items():
            self.add(f"fail_context_{name}", "context", lambda context=context: self.file(context=context))
        self.add("fail_context_where_none_expected", "context", self.file, context={})
        self.add("fail_unsigned", "unsigned", lambda: self.file(sign=False))
        self.add("fail_unsigned_workspace", "unsigned", lambda: self.file(sign=False), signed_by="recipient")
        self.add("fail_signed_where_unsigned_expected", "signed", self.file, signed_by=None)
        self.add("fail_signed_offer_by_the_pools_key", "signed", lambda: self.file(context=OFFER), context=OFFER, signed_by=None)
        self.add("fail_untrusted_signer", "untrusted", lambda: seal(pool.public_key(), CONTEXT, other, b"plain"))
        self.add("fail_untrusted_nobody", "untrusted", self.file, signed_by=())
        roles = {"workspace_by_the_control_planes_key": control, "workspace_by_an_older_key_to_the_present_one": older}
        for name, signer in roles.items():
            make = lambda signer=signer: seal(pool.public_key(), CONTEXT, signer, b"plain")
            self.add(f"fail_untrusted_{name}", "untrusted", make, keys=("pool", "older"), signed_by="recipient")
        # Sealed to an older key and signed by the present one: the older key's holder knows K, and encrypts another body with it
        remade = lambda: self.file(recipient=older, signer=pool, plain=b"evil")
        self.add("fail_untrusted_body_remade_by_an_older_keys_holder", "untrusted", remade, keys=("pool", "older"), signed_by="recipient")
        self.add("fail_recipient_other", "recipient", self.file, keys=("other",))
        self.add("fail_recipient_no_keys", "recipient", self.file, keys=())
        self.add("fail_recipient_kid_of_a_key_not_held", "recipient", lambda: self.file(says_recipient=older))
        self.add("fail_damaged_kid_of_another_key_held", "damaged", lambda: self.file(says_recipient=older), keys=("pool", "older"))
        self.add("fail_form_kid_of_a_longer_key_held", "form", lambda: self.file(says_recipient=other), keys=("pool", "other"))
        prefixed = lambda prefix: lambda s, line: b64u(pool.sign(prefix + line, pss(), SHA256))
        signed = lambda mode: lambda s, line: b64u(pool.sign(PREFIX + line, *mode))
        cases = {
            "by_another_key": lambda: self.file(signer=self.odd, says_signer=pool),
            "by_another_trusted_key": (lambda: self.file(signer=older, says_signer=pool)),
            "one_byte_long": lambda: self.file(signature=lambda s, line: b64u(pool.sign(PREFIX + line, pss(), SHA256) + b"\0")),
            "one_byte_short": lambda: self.file(signature=lambda s, line: b64u(pool.sign(PREFIX + line, pss(), SHA256)[:-1])),
            "over_another_header": lambda: self.file(signature=self.file().split(b"\n")[1].decode()),
            "over_the_header_with_its_lf": lambda: self.file(signature=lambda s, line: b64u(pool.sign(PREFIX + line + b"\n", pss(), SHA256))),
            "pkcs1": lambda: self.file(signature=signed((padding.PKCS1v15(), SHA256))),
            "salt_of_0_bytes": lambda: self.file(salt=0),
            "salt_of_20_bytes": lambda: self.file(salt=20),
            "sha512": lambda: self.file(signature=signed((padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA512()))),
            "mgf1_sha1": lambda: self.file(signature=signed((padding.PSS(padding.MGF1(hashes.SHA1()), 32), SHA256))),
            "with_the_offers_prefix": lambda: self.file(signature=prefixed(b"spacelift-worker/offer/v1\n")),
            "without_prefix": lambda: self.file(signature=prefixed(b"")),
            "zeros": lambda: self.file(signature=b64u(bytes(256))),
        }
        for name, make in cases.items():
            signers = ("pool", "older") if name == "by_another_trusted_key" else ("pool",)
            self.add(f"fail_signature_{name}", "signature", make, signed_by=signers)

    def damaged(self):
        sha1 = hashes.SHA1()
        key = bytes(range(32))
        public = lambda: self.pool.public_key()
        wraps = {
            "oaep_sha1": lambda: public().encrypt(key, padding.OAEP(padding.MGF1(sha1), sha1, None)),
            "oaep_mgf1_sha1": lambda: public().encrypt(key, padding.OAEP(padding.MGF1(sha1), SHA256, None)),
            "oaep_label": lambda: public().encrypt(key, padding.OAEP(padding.MGF1(SHA256), SHA256, b"label")),
            "pkcs1": lambda: public().encrypt(key, padding.PKCS1v15()),
            "zeros": lambda: bytes(256),
            "ones": lambda: b"\xff" * 256,
        }
        for name, wrap in wraps.items():
            self.add(f"fail_damaged_key_wrapped_{name}", "damaged", lambda wrap=wrap: self.file(wrapped=wrap(), key=key))
        for length in (0, 16, 31, 33, 64):
            self.add(f"fail_damaged_key_of_{length}_bytes", "damaged", lambda length=length: self.file(key=bytes(length)))
        self.add("fail_damaged_other_key_committed", "damaged", lambda: self.file(body_key=key))
        plain = pattern(3 * CHUNK + 10)
        at = lambda number: PREFIX_LEN + number * (CHUNK + TAG)

        def flip(index):
            def change(body):
                body = bytearray(body)
                body[index] ^= 1
                return bytes(body)

            return change

        bodies = {
            "salt": (b"plain", flip(0)),
            "commitment": (b"plain", flip(PREFIX_LEN - 1)),
            "first_byte": (b"plain", flip(PREFIX_LEN)),
            "tag": (b"plain", flip(-1)),
            "absent": (b"plain", lambda b: b""),
            "prefix_cut": (b"plain", lambda b: b[: PREFIX_LEN - 1]),
            "no_chunk": (b"plain", lambda b: b[:PREFIX_LEN]),
            "tag_cut": (b"plain", lambda b: b[: PREFIX_LEN + TAG - 1]),
            "last_byte_cut": (b"plain", lambda b: b[:-1]),
            "trailing_byte": (b"plain", lambda b: b + b"\0"),
            "trailing_lf": (b"plain", lambda b: b + b"\n"),
            "trailing_message": (b"plain", lambda b: b + b),
            "trailing_tag": (b"plain", lambda b: b + b[-TAG:]),
            "last_chunk_cut": (plain, lambda b: b[: at(3)]),
            "last_two_chunks_cut": (plain, lambda b: b[: at(2)]),
            "empty_last_chunk_cut": (pattern(CHUNK), lambda b: b[: at(1)]),
            "chunks_swapped": (plain, lambda b: b[: at(0)] + b[at(1) : at(2)] + b[at(0) : at(1)] + b[at(2) :]),
            "chunk_removed": (plain, lambda b: b[: at(1)] + b[at(2) :]),
            "chunk_repeated": (plain, lambda b: b[: at(1)] + b[at(0) : at(1)] + b[at(1) :]),
            "last_chunk_repeated": (b"plain", lambda b: b + b[at(0) :]),
            "chunk_in_the_middle": (plain, flip(at(1) + 100)),
        }
        for name, (text, change) in bodies.items():
            self.add(f"fail_damaged_body_{name}", "damaged", lambda text=text, change=change: self.file(plain=text, body=change))
        # Every chunk below is properly encrypted, under its number
        full = pattern(CHUNK)
        raws = {
            "second_final_chunk": [(0, b"plain"), (1, b"more")],
            "second_final_chunk_empty": [(0, b"plain"), (1, b"")],
            "second_final_chunk_behind_a_full_one": [(0, full), (1, b""), (2, b"")],
            "short_chunk_before_a_full_one": [(0, b"plain"), (1, full), (2, b"")],
            "full_chunk_last": [(0, full)],
            "overlong_chunk": [(0, full + b"x")],
            "numbers_from_one": [(1, b"plain")],
            "number_skipped": [(0, full), (2, b"plain")],
        }
        for name, chunks in raws.items():
            self.add(f"fail_damaged_body_{name}", "damaged", lambda chunks=chunks: self.file(raw=chunks))
        contexts = {
            "empty": lambda head: b"",
            "header_alone": lambda head: head[: head.index(b"\n") + 1],
            "without_last_lf": lambda head: head[:-1],
        }
        for name, context in contexts.items():
            make = lambda context=context: self.file(body_context=context)
            self.add(f"fail_damaged_body_context_{name}", "damaged", make)


def faults(name, facts, vector, keys):
    """What is wrong with a vector: it says something else than `facts`, or sealed.py decides otherwise."""
    if {field: vector.get(field) for field in facts} != facts or set(vector) != {*facts, "sealed"}:
        yield f"{name}: vectors.py says something else about it"
    privates = [keys[key] for key in vector["keys"]]
    signed_by = trust(vector["signed_by"], lambda key: keys[key].public_key())
    try:
        plain = unseal(privates, vector["context"], signed_by, base64.b64decode(vector["sealed"]))
        outcome = ("ok", len(plain), hashlib.sha256(plain).hexdigest())
    except Refused as refused:
        outcome = (str(refused), None, None)
    if outcome != (vector["expect"], vector["plain_len"], vector["plain_sha256"]):
        yield f"{name}: sealed.py says {outcome[0]}"


def main(anew=False, check=False):
    keys = load_keys(anew)
    maker = Maker(keys)
    for part in (maker.positives, maker.form, maker.cuts, maker.trust, maker.damaged):
        part()
    there = {path.stem for path in FOLDER.glob("*_*.json")}
    if check:
        wrong = [f"{name}: is not made by vectors.py" for name in sorted(there - set(maker.made))]
        wrong += [f"{name}: is missing" for name in sorted(set(maker.made) - there)]
    else:
        wrong = []
        for name in sorted(there if anew else there - set(maker.made)):
            (FOLDER / f"{name}.json").unlink()
        for name in sorted(set(maker.made) if anew else set(maker.made) - there):
            facts, make = maker.made[name]
            vector = facts | {"sealed": base64.b64encode(make()).decode()}
            (FOLDER / f"{name}.json").write_text(json.dumps(vector, indent=1) + "\n")
        there = set(maker.made)
    for name in sorted(there & set(maker.made)):
        wrong += faults(name, maker.made[name][0], json.loads((FOLDER / f"{name}.json").read_text()), keys)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(there)} vectors, {sum(name.startswith('fail_') for name in there)} of them negative")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments not in ([], ["--anew"], ["--check"]):
        sys.exit(__doc__)
    main(anew="--anew" in arguments, check="--check" in arguments)
