"""Writes the vectors of the worker protocol: one JSON file a case, its name the fault. Shares no code with the library.

    python3 tests/vectors/protocol/messages.py

README.md says what the fields mean.
"""

import copy
import json
import pathlib

HERE = pathlib.Path(__file__).parent
ID = "01JD0000000000000000000001"
RE = "01JD0000000000000000000002"
RUN = "01JD0000000000000000000003"
WORKER = "01JD0000000000000000000004"
LEASE = "1.7"
SHA = "ab" * 32
MOST = 2**64 - 1

HAND = {"run": RUN, "lease": LEASE, "phase": "apply", "state": "APPLYING"}
STATUS = {"status": "BUSY", "status_seq": 9, "last_lease_seen": "1.8", "run": HAND}
SEGMENT = {"name": "runs/r/1.7/logs/4-0", "len": 12, "sha256": SHA, "state": "PLANNING", "state_version": 4}
GRANT = {"cmd_seq": 5, "run": RUN, "lease": LEASE, "re": RE, "ttl_ms": 90000}
HALT = {"cmd_seq": 6, "run": RUN, "lease": LEASE}
REFERENCE = {"reference": {"url": "https://store.example/offer?sig=1", "len": 200000, "sha256": SHA}}

# Every message in full: direction, type, body. Then what may be left out of it.
FULL = {
    ("from_worker", "accept"): ({"re": RE, "run": RUN, "lease": LEASE}, []),
    ("from_worker", "ack"): ({"re": RE}, []),
    ("from_worker", "finished"): (
        {
            "run": RUN,
            "lease": LEASE,
            "outcome": "failed",
            "cause": "command",
            "exit_code": 3,
            "reason": "The command of PLANNING ended with exit code 3",
            "state_version": 4,
            "workspace": {"name": "runs/r/1.7/workspace-2", "len": 4096, "sha256": SHA},
            "outputs": {"name": "runs/r/1.7/outputs-2", "len": 1024, "sha256": SHA},
        },
        ["cause", "exit_code", "reason", "workspace", "outputs"],
    ),
    ("from_worker", "goodbye"): ({"crashed": False}, []),
    ("from_worker", "hello"): (
        {
            "worker": WORKER,
            "versions": [1],
            "library": "0.1.0",
            "metadata": {"instance_id": "i-1"},
            "capabilities": ["process"],
            "status": STATUS,
        },
        ["metadata", "capabilities"],
    ),
    ("from_worker", "interrupted"): ({"worker": WORKER, "run": RUN, "lease": LEASE}, []),
    ("from_worker", "logs"): ({"run": RUN, "lease": LEASE, "segments": [SEGMENT], "complete": True}, []),
    ("from_worker", "nack"): (
        {"re": RE, "lease": LEASE, "reason": "busy", "note": "a run is in hand"},
        ["lease", "note"],
    ),
    ("from_worker", "progress"): (
        {"run": RUN, "lease": LEASE, "state": "PLANNING", "state_version": 4, "note": "a word"},
        ["note"],
    ),
    ("from_worker", "status"): (STATUS, ["last_lease_seen", "run"]),
    ("to_worker", "ack"): ({"re": RE}, []),
    ("to_worker", "cycle"): ({"cmd_seq": 8}, []),
    ("to_worker", "drain"): ({"cmd_seq": 8, "drain": True}, []),
    ("to_worker", "kill"): (HALT, []),
    ("to_worker", "nack"): ({"re": RE, "lease": LEASE, "reason": "stale", "note": "no longer meant"}, ["lease", "note"]),
    ("to_worker", "offer"): (
        {
            "cmd_seq": 4,
            "expires_at": 1700000030000,
            "run": RUN,
            "phase": "plan",
            "lease": LEASE,
            "sealed": {"inline": "c2VhbGVk"},
            "sig": "c2ln",
        },
        ["expires_at", "sig"],
    ),
    ("to_worker", "renew"): ({**GRANT, "sealed": REFERENCE, "sig": "c2ln"}, ["sealed", "sig"]),
    ("to_worker", "start"): ({**GRANT, "sealed": {"inline": "c2VhbGVk"}, "sig": "c2ln"}, ["sealed", "sig"]),
    ("to_worker", "stop"): (HALT, []),
}

# What an absent field is read as, where it is read as something.
DEFAULTS = {("hello", "metadata"): {}, ("hello", "capabilities"): []}


def envelope(kind, body):
    return {"v": 1, "type": kind, "id": ID, "ts": 1700000000000, **copy.deepcopy(body)}


def write(name, direction, message, expect, **more):
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    case = {"direction": direction, "message": text, "expect": expect, **more}
    path = HERE / f"{name}.json"
    assert not path.exists(), name
    path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")


def good(name, direction, message, canonical=None):
    write(name, direction, message, "accept", canonical=canonical if canonical is not None else message)


def bad(name, direction, message, reason="malformed", **more):
    write(name, direction, message, "nack", reason=reason, id=ID, **more)


def dropped(name, message, **more):
    write(name, "to_worker", message, "drop", **more)


def valid():
    for (direction, kind), (body, optional) in FULL.items():
        side = "worker" if direction == "from_worker" else "control"
        full = envelope(kind, body)
        good(f"ok_{side}_{kind}", direction, full)
        if optional:
            least = {key: value for key, value in full.items() if key not in optional}
            defaults = {key: DEFAULTS[kind, key] for key in optional if (kind, key) in DEFAULTS}
            good(f"ok_{side}_{kind}_least", direction, least, {**least, **defaults})
    cycle = envelope("cycle", {"cmd_seq": 8})
    good("ok_fields_in_another_order", "to_worker", dict(reversed(cycle.items())), cycle)
    good("ok_unknown_fields", "to_worker", {**cycle, "new": [1, {"a": None}], "Type": "x"}, cycle)
    good("ok_white_space", "to_worker", "\n\t " + json.dumps(cycle, indent=3) + "\r\n ", cycle)
    escaped = json.dumps(cycle).replace("cycle", "\\u0063ycle")
    good("ok_escaped_letters", "to_worker", escaped, cycle)
    good("ok_largest_numbers", "to_worker", {**cycle, "ts": MOST, "cmd_seq": MOST})
    big = f"{MOST}.{MOST}"
    good("ok_largest_lease", "to_worker", envelope("kill", {**HALT, "lease": big}))
    good("ok_note_in_any_script", "from_worker", envelope("progress", {**FULL["from_worker", "progress"][0], "note": "żółw 🐢 \u0000"}))
    nack = envelope("nack", {"re": RE, "reason": "too_tired"})
    good("ok_unknown_reason_is_other", "to_worker", nack, {**nack, "reason": "other"})
    finished = envelope("finished", {"run": RUN, "lease": LEASE, "outcome": "failed", "cause": "moon", "state_version": 4})
    good("ok_unknown_cause_is_other", "from_worker", finished, {**finished, "cause": "other"})
    nulled = envelope("status", {"status": "IDLE", "status_seq": 1, "last_lease_seen": None, "run": None})
    good("ok_null_is_absent", "from_worker", nulled, {key: value for key, value in nulled.items() if value is not None})
    before = envelope("status", {"status": "BUSY", "status_seq": 2, "run": {"run": RUN, "lease": LEASE, "phase": "plan"}})
    good("ok_status_before_the_start", "from_worker", before)
    good("ok_drained_with_a_run_in_hand", "from_worker", envelope("status", {**STATUS, "status": "DRAINED"}))
    good("ok_goodbye_of_a_last_will", "from_worker", envelope("goodbye", {"crashed": True}))
    good("ok_logs_without_segments", "from_worker", envelope("logs", {"run": RUN, "lease": LEASE, "segments": [], "complete": False}))
    good("ok_offer_by_reference", "to_worker", envelope("offer", {"cmd_seq": 1, "run": RUN, "phase": "destroy", "lease": LEASE, "sealed": REFERENCE}))
    signal = {"run": RUN, "lease": LEASE, "outcome": "failed", "exit_code": -9, "state_version": 4}
    good("ok_negative_exit_code", "from_worker", envelope("finished", signal))
    undrain = envelope("drain", {"cmd_seq": 9, "drain": False})
    good("ok_control_undrain", "to_worker", undrain)


def without_a_field():
    for (direction, kind), (body, optional) in FULL.items():
        side = "worker" if direction == "from_worker" else "control"
        for field in body:
            if field not in optional:
                message = envelope(kind, body)
                del message[field]
                bad(f"{side}_{kind}_without_{field}", direction, message)


def envelopes():
    cycle = envelope("cycle", {"cmd_seq": 8})

    def other(**fields):
        return {**cycle, **fields}

    def lacking(field):
        return {key: value for key, value in cycle.items() if key != field}

    bad("v_absent", "to_worker", lacking("v"), "unsupported")
    bad("v_text", "to_worker", other(v="1"), "unsupported")
    bad("v_next", "to_worker", other(v=2), "unsupported")
    bad("v_zero", "to_worker", other(v=0), "unsupported")
    bad("v_negative", "to_worker", other(v=-1), "unsupported")
    bad("v_null", "to_worker", other(v=None), "unsupported")
    bad("v_next_and_unknown_type", "to_worker", other(v=2, type="dance"), "unsupported")
    bad("type_unknown", "to_worker", other(type="dance"), "unknown_type")
    bad("type_in_capitals", "to_worker", other(type="CYCLE"), "unknown_type")
    bad("type_empty", "to_worker", other(type=""), "unknown_type")
    bad("type_absent", "to_worker", lacking("type"))
    bad("type_number", "to_worker", other(type=7))
    bad("type_null", "to_worker", other(type=None))
    bad("type_of_the_other_direction_hello", "to_worker", envelope("hello", FULL["from_worker", "hello"][0]), "unknown_type")
    bad("type_of_the_other_direction_offer", "from_worker", envelope("offer", FULL["to_worker", "offer"][0]), "unknown_type")
    bad("ts_absent", "to_worker", lacking("ts"))
    bad("ts_negative", "to_worker", other(ts=-1))
    bad("ts_text", "to_worker", other(ts="1700000000000"))
    bad("ts_fraction", "to_worker", other(ts=1.5))
    bad("ts_beyond_64_bits", "to_worker", json.dumps(cycle).replace("1700000000000", str(2**64)), schema_finds=False)
    dropped("id_absent", lacking("id"))
    dropped("id_null", other(id=None))
    dropped("id_number", other(id=7))
    dropped("id_empty", other(id=""))
    dropped("id_in_small_letters", other(id=ID.lower()))
    dropped("id_with_a_letter_that_ulids_lack", other(id=ID[:-1] + "U"))
    dropped("id_too_short", other(id=ID[:-1]))
    dropped("id_too_long", other(id=ID + "0"))
    dropped("id_beyond_128_bits", other(id="8" + ID[1:]))
    dropped("id_with_white_space", other(id=" " + ID))
    text = json.dumps(cycle)
    dropped("nothing", "")
    dropped("cut_short", text[:-1])
    dropped("cut_in_a_text", text[: text.index("cycle") + 2])
    dropped("two_messages", text + text)
    dropped("array", "[" + text + "]")
    dropped("number", "1")
    dropped("null", "null")
    dropped("text", json.dumps(text))
    dropped("empty_object", "{}")
    dropped("trailing_comma", text[:-1] + ",}")
    dropped("single_quotes", text.replace('"', "'"))
    dropped("comment", "/* */" + text)
    dropped("byte_order_mark", "\ufeff" + text)
    dropped("deeply_nested", "[" * 5000)


def fields():
    def broken(kind, direction, name, **fields):
        bad(name, direction, {**envelope(kind, FULL[direction, kind][0]), **fields})

    def unseen(kind, direction, name, **fields):
        bad(name, direction, {**envelope(kind, FULL[direction, kind][0]), **fields}, schema_finds=False)

    for name, lease in {
        "without_counter": "1",
        "with_empty_counter": "1.",
        "with_leading_zero": "01.7",
        "with_three_parts": "1.7.1",
        "negative": "-1.7",
        "with_plus": "+1.7",
        "number": 1.7,
        "empty": "",
    }.items():
        broken("kill", "to_worker", f"lease_{name}", lease=lease)
    unseen("kill", "to_worker", "lease_beyond_64_bits", lease=f"1.{2**64}")
    broken("kill", "to_worker", "run_in_small_letters", run=RUN.lower())
    broken("kill", "to_worker", "run_null", run=None)
    broken("ack", "to_worker", "re_not_a_ulid", re="7")
    broken("cycle", "to_worker", "cmd_seq_negative", cmd_seq=-1)
    broken("cycle", "to_worker", "cmd_seq_text", cmd_seq="8")
    broken("drain", "to_worker", "drain_number", drain=1)
    broken("start", "to_worker", "ttl_negative", ttl_ms=-1)
    broken("start", "to_worker", "ttl_fraction", ttl_ms=0.5)
    broken("start", "to_worker", "sealed_text", sealed="c2VhbGVk")
    broken("offer", "to_worker", "phase_unknown", phase="dance")
    broken("offer", "to_worker", "phase_in_capitals", phase="PLAN")
    broken("offer", "to_worker", "sealed_unknown_form", sealed={"carrier_pigeon": "x"})
    broken("offer", "to_worker", "sealed_empty", sealed={})
    broken("offer", "to_worker", "sealed_in_two_forms", sealed={"inline": "c2VhbGVk", **REFERENCE})
    for field in ("url", "len", "sha256"):
        part = {key: value for key, value in REFERENCE["reference"].items() if key != field}
        broken("offer", "to_worker", f"reference_without_{field}", sealed={"reference": part})
    broken("offer", "to_worker", "sig_number", sig=7)
    broken("nack", "to_worker", "reason_number", reason=7)
    broken("status", "from_worker", "status_unknown", status="TIRED")
    broken("status", "from_worker", "status_seq_negative", status_seq=-1)
    broken("status", "from_worker", "hand_without_phase", run={"run": RUN, "lease": LEASE})
    broken("status", "from_worker", "hand_in_an_unknown_state", run={**HAND, "state": "DANCING"})
    broken("hello", "from_worker", "versions_number", versions=1)
    broken("hello", "from_worker", "metadata_value_number", metadata={"a": 1})
    broken("hello", "from_worker", "metadata_null", metadata=None)
    broken("hello", "from_worker", "hello_status_text", status="IDLE")
    broken("progress", "from_worker", "progress_in_an_unknown_state", state="DANCING")
    broken("progress", "from_worker", "progress_state_in_small_letters", state="planning")
    broken("logs", "from_worker", "segments_object", segments={})
    for field in SEGMENT:
        segment = {key: value for key, value in SEGMENT.items() if key != field}
        broken("logs", "from_worker", f"segment_without_{field}", segments=[segment])
    broken("logs", "from_worker", "complete_text", complete="true")
    broken("finished", "from_worker", "outcome_unknown", outcome="abandoned")
    broken("finished", "from_worker", "exit_code_text", exit_code="3")
    unseen("finished", "from_worker", "exit_code_beyond_32_bits", exit_code=2**31)
    broken("finished", "from_worker", "workspace_without_digest", workspace={"name": "x", "len": 1})
    broken("finished", "from_worker", "outputs_without_length", outputs={"name": "x", "sha256": SHA})
    broken("finished", "from_worker", "outputs_list", outputs=[{"name": "x", "len": 1, "sha256": SHA}])
    broken("finished", "from_worker", "workspace_text", workspace="runs/r/1.7/workspace-2")
    broken("goodbye", "from_worker", "crashed_null", crashed=None)


def main():
    for old in HERE.glob("*.json"):
        old.unlink()
    valid()
    without_a_field()
    envelopes()
    fields()
    names = [path.stem for path in HERE.glob("*.json")]
    right = sum(name.startswith("ok_") for name in names)
    print(f"{right} right, {len(names) - right} wrong")


if __name__ == "__main__":
    main()
