"""Writes the seeds of the fuzz targets into corpus/, the same bytes each time: .venv/bin/python fuzz/seeds.py

A finding is added to corpus/ by hand, under a name that says what it was; nothing here removes files.
"""

import base64
import datetime
import io
import json
import pathlib
import tarfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parent / "tests" / "vectors"


def write(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def certificate():
    pem = json.loads((VECTORS / "envelope" / "keys.json").read_text())["pool"]["private"]
    key = serialization.load_pem_private_key(pem.encode(), None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pool")])
    day = datetime.datetime(2024, 1, 1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(day).not_valid_after(day.replace(year=2054))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def tokens():
    plain = {
        "broker": {"endpoint": "broker.example.com"},
        "certificate": certificate(),
        "pool_ulid": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    }
    other = (VECTORS / "keys" / "ok_public.pem").read_text()
    full = plain | {"namespace": "a/b", "ca": certificate(), "signing_key": other, "later": [1, None]}
    write("token", "plain_json", json.dumps(plain))
    write("token", "full_json", json.dumps(full))
    write("token", "base64", base64.b64encode(json.dumps(plain).encode()))
    write("token", "cut_short", base64.b64encode(json.dumps(plain).encode())[:501])
    write("token", "mqtts_endpoint_json", json.dumps(plain | {"broker": {"endpoint": "mqtts://[::1]:8883"}}))


ULID = "01ARZ3NDEKTSV4RRFFQ69G5FA"


def messages():
    def message(kind, **fields):
        write("message", kind, json.dumps({"v": 1, "type": kind, "id": ULID + "V", "ts": 1, **fields}))

    what = {"run": ULID + "W", "lease": "1.5"}
    message("offer", cmd_seq=3, phase="plan", **what, sealed={"inline": "AAAA"}, sig="AA", expires_at=9)
    message("start", cmd_seq=3, **what, re=ULID + "X", ttl_ms=90000)
    message("renew", cmd_seq=4, **what, re=ULID + "X", ttl_ms=90000,
            sealed={"reference": {"url": "https://x", "len": 1, "sha256": "00"}})
    message("kill", cmd_seq=4, **what)
    message("drain", cmd_seq=4, drain=True, unknown={"field": []})
    message("nack", re=ULID + "X", reason="stale", note="n")
    message("progress", **what, state="PLANNING", state_version=2, note="n")
    message("finished", **what, outcome="failed", cause="killed", exit_code=1, reason="r", state_version=2,
            workspace={"name": "w", "len": 1, "sha256": "00"})
    message("hello", worker=ULID + "Y", versions=[1], library="0.1.0", metadata={"a": "b"}, capabilities=[],
            status={"status": "IDLE", "status_seq": 1})


def envelopes():
    for name in ["ok_1_bytes", "ok_0_bytes", "ok_unsigned", "ok_empty_context", "fail_damaged_body_tag_cut",
                 "fail_signature_zeros", "fail_form_escape", "fail_version_two", "fail_cut_short_cut_one_before_the_end_of_signature",
                 "fail_damaged_body_second_final_chunk", "fail_untrusted_body_remade_by_an_older_keys_holder"]:
        vector = json.loads((VECTORS / "envelope" / f"{name}.json").read_text())
        write("envelope", name, base64.b64decode(vector["sealed"]))


def cobblestones():
    write("cobblestone", "empty", b"")
    write("cobblestone", "one_piece", b"\0plain")
    write("cobblestone", "small_pieces", b"\x03\x01\0\x07" + b"a text that is cut" * 3)
    # Repeated to some chunks and to a whole number of them
    write("cobblestone", "chunks", b"\x0f" + bytes(range(1, 16)) + b"0123456789abcdef" * 16)
    write("cobblestone", "whole_chunks", b"\x0f" + bytes(range(240, 255)) + b"x" * 145)


def seals():
    write("seal", "empty", b"")
    write("seal", "one_piece", b"\0plain")
    write("seal", "small_pieces", b"\x03\x01\0\x07" + b"a text that is cut" * 3)
    write("seal", "chunks", b"\x0f" + bytes(range(1, 16)) + b"0123456789abcdef" * 16)


def backends():
    write("backends", "body_empty", b"\0")
    write("backends", "body_small_pieces", b"\x03\x01\0\x07" + b"a text that is cut" * 3)
    write("backends", "body_chunks", b"\x0f" + bytes(range(1, 16)) + b"0123456789abcdef" * 16)
    write("backends", "body_whole_chunks", b"\x0f" + bytes(range(240, 255)) + b"x" * 145)
    write("backends", "whole_file", b"e\x04\xff\0\xff\x07a plain text")
    write("backends", "whole_file_empty", b"e\0")
    for name in ["ok_pkcs8", "ok_public_key_pkcs8", "ok_2049_bits_pkcs8", "fail_mismatched_qinv_pkcs8",
                 "fail_mismatched_d_pkcs8", "fail_primes_of_unequal_length_pkcs8", "fail_damaged_padded_modulus_pkcs1"]:
        write("backends", f"key_{name}", b"k" + (VECTORS / "keys" / f"{name}.der").read_bytes())


def configs():
    write("config", "small", "SPACELIFT_TOKEN=a-token-of-thirty-characters-x\nSPACELIFT_POOL_PRIVATE_KEY=a-private-key\n")
    write("config", "wrong", "SPACELIFT_TOKEN=a-token-of-thirty-characters-x\nSPACELIFT_LAUNCHER_RUN_TIMEOUT=1x\n"
                             "SPACELIFT_LAUNCHER_LOGS_TIMEOUT=-7m\nSPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED=perhaps\n")
    write("config", "lists", "SPACELIFT_WHITELIST_ENVS=A,B*,ro_C,wo_D\nSPACELIFT_MASK_ENVS=ro_A,B,,\n"
                             "SPACELIFT_WORKER_EXTRA_MOUNTS=/a:/b,/c:/d:ro\nSPACELIFT_METADATA_x=y\nHTTPS_PROXY=http://u:p@h:1\n")
    write("config", "durations", "A=1h30m\nB=-1.5us\nC=9223372036854775807ns\nD=2562047h47m16.854775808s\nE=.5h\nF=0\n")


def masks():
    def mask(name, cuts, secrets, text):
        parts = [bytes(cuts), *secrets]
        write("mask", name, b"".join(bytes([len(part)]) + part for part in parts) + text)

    # Of the first cut, bits: 1 all forms, 2 terminal mode, 4 well-known shapes, 8 commands, 16 the third secret comes later
    mask("plain", [3, 4], [b"hunter2", b"swordfish", b"no"], b"the password is hunter2, or swordfish.\n")
    mask("value_alone", [9, 1, 7], [b"aaaa", b"aaaab", b"baaaaaaaa"], b"baaaaaaaaaab aaaa aaab")
    mask("forms", [5, 0], [b'pa"ss word', b"line one\nline two", b"'quoted'"],
         b'{"p":"pa\\"ss word"} pa%22ss%20word ' + base64.b64encode(b'xpa"ss word') + b" line two " + b"'quoted'".hex().encode())
    mask("sequences", [2, 5], [b"hunter2", b"\x1b[1mab\rcd", b"aabb"],
         b"hun\x1b[0mter2 \x1b]0;hunter2\x07 abcd \x1b[1mab\rcd aa\0\0bb\r\n" + b"hun\x1b]8;;x\x1b\\ter2 \x1bhunter2")
    mask("commands", [10, 3], [b"hunter2", b"no", b"no"],
         b"hunter2\n::add-mask swordfish abc\r\nswordfish:: half ::add-mask battery\n$ ::add-mask staple\nstaple battery")
    mask("added_later", [18, 7], [b"hunter2-and-more", b"no", b"hunter2"], b"hunter2 hunter2-and-so-on hunter2 hunt")
    mask("shapes", [6, 11], [b"hunter2", b"no", b"no"],
         b"key AK" b"IANOTAREALKEY12345, eyJhbGciOi.eyJ.x hunter2 -----BEGIN PRIVATE " b"KEY-----\nhunter2\r\n-----END X-----\n")
    mask("prefix_at_the_end", [2, 2], [b"a-secret-of-some-length", b"****", b"*a*b"], b"it is **a**b a-secret-of-s")


def workspaces():
    def archive(name, *entries):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path, kind, rest in entries:
                info = tarfile.TarInfo(path)
                info.type, info.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
                if isinstance(rest, bytes):
                    info.size = len(rest)
                    tar.addfile(info, io.BytesIO(rest))
                else:
                    info.linkname = rest
                    tar.addfile(info)
        # tarfile pads to 10 KiB; two empty blocks end an archive
        write("workspace", name, b"t" + out.getvalue().rstrip(b"\0").ljust((len(out.getvalue().rstrip(b"\0")) + 511) // 512 * 512 + 1024, b"\0"))

    folder, file, link, hard = tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    archive("plain", ("d", folder, ""), ("d/f", file, b"content"), ("d/l", link, "f"), ("h", hard, "d/f"))
    archive("parent_path", ("../f", file, b"x"))
    archive("absolute_path", ("/tmp/f", file, b"x"))
    archive("through_a_link", ("l", link, ".."), ("l/f", file, b"x"))
    archive("links_through_links", ("a", folder, ""), ("a/b", link, "../c"), ("c", link, "a"), ("d", link, "a/b/../.."))
    archive("hard_link_to_a_link", ("l", link, "/etc/passwd"), ("h", hard, "l"))
    archive("fifo", ("f", tarfile.FIFOTYPE, ""))
    contiguous, old, sparse, long_name, long_link = tarfile.CONTTYPE, tarfile.AREGTYPE, tarfile.GNUTYPE_SPARSE, b"L", b"K"
    records, for_all = tarfile.XHDTYPE, tarfile.XGLTYPE
    archive("kinds", ("c", contiguous, b"x"), ("o", old, b"y"), ("s", sparse, ""))
    archive("several_of_one_name", ("a", file, b"1"), ("h", hard, "a"), ("a", link, "h"), ("a", file, b"2"), ("d", folder, ""), ("d", folder, ""))
    archive("long_names", ("n", long_name, b"d/" * 20 + b"f\0"), ("x", file, b"1"), ("n", long_link, b"d/d\0"), ("l", link, "x"))
    archive("records_of_path", ("x", records, b"13 path=../f\n"), ("f", file, b"1"))
    archive("records_of_time", ("x", records, b"20 mtime=1234567.89\n"), ("f", file, b"1"), ("g", for_all, b"13 comment=x\n"))
    archive("records_of_size", ("x", records, b"9 size=1\n"), ("f", file, b"1"))
    archive("deep", ("d/" * 40 + "f", file, b"x"), ("d/" * 40 + "l", link, "../" * 30 + "d"))
    archive("slash", ("f/", file, b""))
    # One empty file, compressed: a frame of one raw block
    write("workspace", "damaged_zstd", b"\x28\xb5\x2f\xfd\x00\x38\x21\x00\x00abc")


def sessions():
    # Letters as in src/session.rs; `5` and the like are the leases 53 and so on
    write("session", "run_to_the_report", b"c.o5z5s5p5b5q5e5a\x01o6z6s6")
    write("session", "refused_and_offered_again", b"c.o5r5o6z6s6t\x10s6b6t\xff")
    write("session", "two_offers", b"c.o5o6z5z6s5s6e5e6a\x01a\x02")
    write("session", "died_and_came_back", b"c.o5z5s5q5u1c.a\x00o5z5s5a\x01o6z6s6")
    write("session", "disk_full", b"c.o5z5f1s5f0u2c.o6z6s6f1e6u3c.")
    write("session", "lease_ends", b"c.o5z5s5" + b"t\xff" * 3 + b"q5e5a\x01")
    write("session", "drained", b"c.x1o5x0o6z6y.o7k6l6h.g.d.c.")
    raw = json.dumps({"v": 1, "type": "cycle", "id": ULID + "V", "ts": 1, "cmd_seq": 1}).encode()
    write("session", "raw", b"c.=" + bytes([len(raw)]) + raw + b"=\x04null" + b"c.")


def policies():
    write("policy", "v1.rego", 'package spacelift\ndeny contains "no tasks" if input.run.type == "TASK"\nsample if true\n')
    write("policy", "v0.rego", 'package spacelift\ndeny["no"] { input.run.type == "TASK"; not f(input.stack.labels) }\n'
                               'f(l) { l[_] == "a" }\n')
    write("policy", "functions.rego", 'package spacelift\nimport rego.v1\n'
          'deny contains sprintf("%v %5d", [c, count(c)]) if {\n  some c in input.workflow\n  regex.match(`^a.*b$`, c)\n}\n')
    write("policy", "cycle.rego", "package spacelift\na := b\nb := a\ndeny contains a\n")
    write("policy", "nested.rego", "package spacelift\ndeny contains x if x := " + "[" * 13 + "]" * 13 + "\n")
    write("policy", "not_rego.rego", "deny everything\n")
    write("policy", "loops.rego", "package spacelift\ndeny contains x if { x := numbers.range(1, 100000)[_]; x * x == 9 }\n")


def outputs():
    write("outputs", "terraform", json.dumps({
        "url": {"sensitive": False, "type": "string", "value": "https://db.example"},
        "password": {"sensitive": True, "type": "string", "value": "correct-horse"},
        "users": {"sensitive": True, "type": ["map", "string"], "value": {"root": ["t0psecret", 48151623, True, None]}},
    }))
    write("outputs", "withheld", '{"password": {"sensitive": true}, "url": {"value": null}}')
    write("outputs", "twice", '{"a": {"sensitive": true, "sensitive": false, "value": 1}, "a": {"value": 2}}')
    write("outputs", "odd_names", '{"": {"value": 1}, "\\u0000": {"value": 1}, "' + "n" * 257 + '": {"value": 1}}')
    write("outputs", "nested", '{"a": {"value": ' + "[" * 200 + "]" * 200 + "}}")


def abis():
    """The same inputs through the C ABI: a letter for what is called, as in src/abi.rs."""
    corpus = HERE / "corpus"
    for kind, target, names in [
        ("t", "token", ["base64", "cut_short"]),
        ("m", "mask", ["plain", "forms", "commands", "added_later", "shapes"]),
        ("c", "cobblestone", ["one_piece", "small_pieces", "chunks"]),
        ("h", "envelope", ["ok_1_bytes", "fail_form_escape", "fail_version_two"]),
    ]:
        for name in names:
            write("abi", f"{target}_{name}", kind.encode() + (corpus / target / name).read_bytes())
    for name in ["ok_1_bytes", "ok_unsigned", "fail_damaged_body_tag_cut", "fail_signature_zeros"]:
        sealed = (corpus / "envelope" / name).read_bytes()
        write("abi", f"unseal_{name}", b"u\x06\x00\x01\xff\x10\x30\x02" + sealed)
    for name, cuts in [("signed", b"\xf8\x05\x20"), ("unsigned", b"\x01\x00\x0e"), ("announced", b"\x02\x01"),
                       ("announced_wrongly", b"\x06\x40\x07"), ("single_bytes", b"\x10\x01\x01")]:
        write("abi", f"seal_{name}", b"s" + bytes([len(cuts)]) + cuts + b"a text to seal" * 30)
    # Each call that is refused, between pieces
    write("abi", "refused_calls", b"c\x10" + bytes(range(16)) + b"a text" * 20)
    for name in ["ok_public.pem", "ok_pkcs8.pem", "ok_pkcs8.der", "fail_mismatched_d_pkcs8.der"]:
        write("abi", f"key_{name}", b"k" + (VECTORS / "keys" / name).read_bytes())
    write("abi", "key_certificate", "k" + certificate())
    for name in ["v1.rego", "v0.rego", "functions.rego", "not_rego.rego"]:
        document = b'{"run": {"type": "TASK"}, "workflow": ["a b", "c"]}'
        policy = (corpus / "policy" / name).read_bytes()
        write("abi", f"policy_{name}", b"p" + bytes([len(document)]) + document + policy)
    write("abi", "policy_no_json", b"p\x03{ }deny everything")
    # New handles, uses, frees; each on each
    write("abi", "handles", b"-" + bytes(at for call in range(150) for at in (call * 7 % 256, call * 3 % 11)))
    write("abi", "freed_handles", b"-" + bytes([0, 0, 1, 0, 65, 0, 99, 0, 66, 0, 66, 1, 101, 0, 96, 1, 100, 2, 120, 0]))


for make in [tokens, messages, outputs, envelopes, cobblestones, seals, backends, configs, masks, workspaces, sessions, policies,
             abis]:
    make()
