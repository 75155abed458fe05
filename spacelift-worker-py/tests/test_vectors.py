"""The vectors of the repository, through Python: made by other implementations, each opened, masked, read or refused as it says."""

from __future__ import annotations

import base64
import copy
import hashlib
import json

import pytest
from conftest import VECTORS

import spacelift_worker as sw


def cases(folder, pattern="*.json"):
    return sorted((VECTORS / folder).glob(pattern))


def name_of(path):
    return path.stem


@pytest.fixture(scope="module")
def vector_keys():
    pairs = json.loads((VECTORS / "envelope" / "keys.json").read_text())
    return {
        name: (sw.PoolKey.from_pem(pair["private"]), sw.PoolPublicKey.from_pem(pair["public"]))
        for name, pair in pairs.items()
    }


def options(vector, keys):
    signed_by = vector["signed_by"]
    if signed_by is None:
        signer = sw.UNSIGNED
    elif signed_by == "recipient":
        signer = sw.RECIPIENT
    else:
        signer = [keys[name][1] for name in signed_by]
    return {"key": [keys[name][0] for name in vector["keys"]], "context": vector["context"], "signer": signer}


ENVELOPES = [path for path in cases("envelope") if path.stem != "keys"]


@pytest.mark.parametrize("path", ENVELOPES, ids=name_of)
def test_a_sealed_file_is_opened_or_refused_for_its_fault_in_pieces_of_any_size(path, vector_keys, tmp_path):
    vector = json.loads(path.read_text())
    sealed, given = base64.b64decode(vector["sealed"]), options(vector, vector_keys)

    def in_pieces(step):
        unsealer = sw.Unsealer(**given)
        return b"".join(unsealer.update(sealed[at : at + step]) for at in range(0, len(sealed), step)) + unsealer.finish()

    def as_file():
        (tmp_path / "sealed").write_bytes(sealed)
        sw.unseal_file(tmp_path / "sealed", tmp_path / "plain", **given)
        return (tmp_path / "plain").read_bytes()

    for read in (lambda: sw.unseal(sealed, **given), lambda: in_pieces(4096), lambda: in_pieces(61), as_file):
        if vector["expect"] == "ok":
            plain = read()
            assert len(plain) == vector["plain_len"]
            assert hashlib.sha256(plain).hexdigest() == vector["plain_sha256"]
        else:
            with pytest.raises(sw.SealError) as refused:
                read()
            assert refused.value.code == vector["expect"]
            assert not (tmp_path / "plain").exists()


def test_there_are_vectors_of_every_folder_and_more_of_them_wrong_than_right():
    names = [path.stem for path in ENVELOPES]
    assert len(names) > 200 and sum(name.startswith("fail_") for name in names) > len(names) / 2
    assert {path.name for path in VECTORS.iterdir()} == {"envelope", "environment", "keys", "mask", "policy", "protocol"}


def read_key(path):
    if path.suffix == ".der":
        return sw.PoolKey.from_der(path.read_bytes())
    return sw.PoolKey.from_pem(path.read_bytes())


KEYS = [path for suffix in ("pem", "der") for path in cases("keys", f"*.{suffix}") if "public." not in path.name]


@pytest.mark.parametrize("path", [path for path in KEYS if not path.stem.startswith("fail_public")], ids=lambda path: path.name)
def test_a_private_key_is_read_or_refused(path):
    if path.stem.startswith("ok_"):
        key = read_key(path)
        assert sw.PoolKey.from_pem(key.to_pem()) == sw.PoolKey.from_der(key.to_der()) == key
    else:
        with pytest.raises(sw.KeyFormatError) as refused:
            read_key(path)
        assert (refused.value.code == "encrypted") == ("encrypted" in path.stem)


def test_public_keys_are_read_or_refused():
    public = sw.PoolPublicKey.from_pem((VECTORS / "keys" / "ok_public.pem").read_bytes())
    assert public.kid == "9Tzg34s9VFy6wSQ9LMJuMn_8sdD-KxlBnrDXdI-0R4g"
    for path in cases("keys", "fail_public*.pem"):
        with pytest.raises(sw.KeyFormatError):
            sw.PoolPublicKey.from_pem(path.read_bytes())


def as_bytes(text):
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


@pytest.mark.parametrize("path", cases("mask"), ids=name_of)
def test_a_stream_is_masked_as_it_says_however_it_is_cut(path):
    for case in json.loads(path.read_text()):
        settings = case["settings"]
        secrets = sw.Secrets(
            [as_bytes(secret) for secret in case["secrets"]],
            forms=() if settings["forms"] == "none" else None,
            terminal=settings["terminal"],
            well_known=settings["well_known"],
        )
        writes = [as_bytes(write) for write in case["writes"]]
        whole, expected = b"".join(writes), as_bytes(case["output"])
        for cut in (writes, [whole], [whole[at : at + 1] for at in range(len(whole))]):
            masker = sw.Masker(secrets, commands=settings.get("commands", False))
            given = b"".join(masker.push(write) for write in cut) + masker.finish()
            assert given == expected, case["name"]
            if settings.get("commands"):
                break  # what a command adds stays in the set


@pytest.mark.parametrize("path", cases("protocol"), ids=name_of)
def test_a_message_is_read_or_refused_as_it_says(path):
    vector = json.loads(path.read_text())
    if vector["expect"] == "accept":
        assert sw.protocol.read(vector["message"], direction=vector["direction"]) == vector["canonical"]
        return
    with pytest.raises(sw.WorkerError) as refused:
        sw.protocol.read(vector["message"], direction=vector["direction"])
    nack = vector["expect"] == "nack"
    assert refused.value.details == {
        "reason": vector["reason"] if nack else "malformed",
        "id": vector["id"] if nack else None,
    }


GO = json.loads((VECTORS / "environment" / "go.json").read_text())


@pytest.mark.parametrize("case", GO["durations"], ids=lambda case: repr(case["text"]))
def test_a_duration_is_what_go_says(case):
    if case["nanos"] is None:
        with pytest.raises(sw.ConfigError):
            sw.parse_duration(case["text"])
    else:
        assert sw.parse_duration(case["text"]) == case["nanos"] / 1e9


@pytest.mark.parametrize("case", GO["booleans"], ids=lambda case: repr(case["text"]))
def test_a_boolean_is_what_go_says(case):
    environ = {"SPACELIFT_TOKEN": "t", "SPACELIFT_POOL_PRIVATE_KEY": "k"}
    environ["SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED"] = case["text"]
    # A blank value of a variable counts as absent, and white space around one as nothing.
    if case["value"] is None and case["text"].strip() not in TRUTHS:
        with pytest.raises(sw.ConfigError):
            sw.LauncherConfig.from_env(environ)
    else:
        truth = TRUTHS[case["text"].strip()]
        assert sw.LauncherConfig.from_env(environ).logs.run_logs_on_standard_output == truth


TRUTHS = {case["text"]: case["value"] for case in GO["booleans"] if case["value"] is not None} | {"": False}


def changed(document, changes):
    document = copy.deepcopy(document)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = document
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = value
    return document


@pytest.mark.parametrize("path", cases("policy", "*.rego"), ids=name_of)
def test_a_policy_is_taken_and_decides(path):
    if path.stem.startswith("exec_"):
        with pytest.raises(sw.PolicyError) as refused:
            sw.InitializationPolicy.from_path(path)
        assert {problem.code for problem in refused.value.problems} == {"unavailable-function"}
        return
    policy = sw.InitializationPolicy.from_path(path)
    worker = json.loads((VECTORS / "policy" / "inputs" / "worker.json").read_text())
    documented = json.loads((VECTORS / "policy" / "inputs" / "documented.json").read_text())
    own = path.with_suffix(".json")
    inputs = [changed(worker, changes) for changes in json.loads(own.read_text())] if own.exists() else []
    for document in [documented, worker, *inputs]:
        decision = policy.evaluate(document)
        assert decision.failure is None or path.stem.startswith("mistake_"), decision
        assert decision.allowed == (not decision.reasons) == bool(decision)
        assert policy.evaluate(json.dumps(document).encode()) == decision


@pytest.mark.parametrize("path", cases("policy/refused", "*.rego"), ids=name_of)
def test_what_is_no_policy_is_refused_with_its_place(path):
    with pytest.raises((sw.PolicyError, OSError)) as refused:
        sw.InitializationPolicy.from_path(path)
    if isinstance(refused.value, sw.PolicyError):
        assert refused.value.line >= 1 and refused.value.column >= 1
        assert refused.value.problems[0].message


def test_what_open_policy_agent_loads_is_taken_unless_the_worker_is_stricter():
    for case in json.loads((VECTORS / "policy" / "load" / "cases.json").read_text()):
        taken = True
        try:
            sw.InitializationPolicy.from_source(case["text"])
        except sw.PolicyError:
            taken = False
        assert taken == (case["opa"] == "accepted" and not case.get("stricter")), case["name"]
