"""Keys, requests and tokens: what another library makes of them, and what they never show."""

from __future__ import annotations

import base64
import copy
import json
import pickle

import pytest
from conftest import POOL_ID, VECTORS
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

import spacelift_worker as sw


def test_a_key_is_the_same_key_in_another_library(key):
    theirs = serialization.load_pem_private_key(key.to_pem(), None)
    assert theirs.key_size == 2048
    pkcs1 = theirs.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    assert sw.PoolKey.from_pem(pkcs1) == key
    public = theirs.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public == key.public_key().to_pem()


def test_pem_may_be_text_or_any_buffer(key):
    pem = key.to_pem()
    for given in (pem.decode(), bytearray(pem), memoryview(pem)):
        assert sw.PoolKey.from_pem(given) == key


def test_a_request_is_signed_by_its_key_and_has_the_name(key):
    request = x509.load_pem_x509_csr(key.csr("workers.example.com"))
    assert request.is_signature_valid
    assert request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "workers.example.com"
    assert request.public_key() == serialization.load_pem_public_key(key.public_key().to_pem())


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines", "nul\0"])
def test_a_name_that_no_certificate_may_have_is_refused(key, name):
    with pytest.raises(ValueError, match="1 to 64 characters"):
        key.csr(name)


@pytest.mark.parametrize("bits", [0, 1024, 2047, 16384])
def test_a_key_of_another_length_is_not_made(bits):
    with pytest.raises(sw.KeyFormatError):
        sw.PoolKey.generate(bits=bits)


@pytest.mark.parametrize("password", ["passphrase", b"\xff no text", bytearray(b"buffer")], ids=["text", "bytes", "buffer"])
def test_a_key_that_a_password_protects_opens_with_it_alone(key, password):
    theirs = serialization.load_pem_private_key(key.to_pem(), None)
    passphrase = password.encode() if isinstance(password, str) else bytes(password)
    encrypted = theirs.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )
    assert sw.PoolKey.from_pem(encrypted, password=password) == key
    assert sw.PoolKey.from_pem(encrypted.decode(), password=password) == key
    for wrong, code in [(None, "encrypted"), ("", "passphrase"), ("Passphrase", "passphrase")]:
        with pytest.raises(sw.KeyFormatError) as refused:
            sw.PoolKey.from_pem(encrypted, password=wrong)
        assert refused.value.code == code
    with pytest.raises(sw.KeyFormatError) as refused:
        sw.PoolKey.from_pem(key.to_pem(), password=password)
    assert refused.value.code == "not_encrypted"


def test_keys_that_openssl_protects_are_read_or_refused():
    plain = sw.PoolKey.from_pem((VECTORS / "keys" / "ok_pkcs8.pem").read_bytes())
    for path in sorted((VECTORS / "keys" / "protected").glob("*.pem")):
        if path.stem.startswith("ok_"):
            assert sw.PoolKey.from_pem(path.read_bytes(), password="correct horse") == plain
        else:
            with pytest.raises(sw.KeyFormatError) as refused:
                sw.PoolKey.from_pem(path.read_bytes(), password="correct horse")
            assert refused.value.code == "encryption"


def test_the_public_key_comes_out_of_a_certificate(key, certificate):
    assert sw.PoolPublicKey.from_certificate(certificate) == key.public_key()
    with pytest.raises(sw.KeyFormatError):
        sw.PoolPublicKey.from_pem(certificate)


def test_nothing_shows_a_private_key(key):
    secret = key.to_pem().decode().splitlines()[1]
    for shown in (repr(key), str(key), f"{key}", repr([key]), repr(key.public_key())):
        assert secret not in shown and "kid" in shown
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copied(key)
    assert not hasattr(key, "__dict__")
    with pytest.raises(AttributeError):
        key.name = "x"


def test_equal_keys_are_equal_and_have_one_hash(key, other_key):
    again = sw.PoolKey.from_pem(key.to_pem())
    assert {again, key} == {key} and again != other_key and key != key.public_key()
    assert len({key.public_key(), again.public_key(), other_key.public_key()}) == 2


def test_a_token_tells_its_parts(token_text, certificate, key):
    token = sw.PoolToken.parse(token_text)
    assert token.broker_endpoint == "localhost:1"
    assert (token.pool_id, token.namespace, token.ca_pem, token.signing_key) == (POOL_ID, "spacelift", None, None)
    assert token.certificate_pem.split() == certificate.split()
    assert token.public_key == key.public_key()
    assert token.not_before.isoformat() == "2024-01-01T00:00:00+00:00"
    assert sw.PoolToken.parse(token_text.encode()).pool_id == sw.PoolToken.parse(f"\n{token_text}\n").pool_id == POOL_ID


def test_a_token_with_a_signing_key_and_a_ca(token_fields, other_key, certificate):
    fields = token_fields | {"signing_key": other_key.public_key().to_pem().decode(), "ca": certificate.decode()}
    token = sw.PoolToken.parse(base64.b64encode(json.dumps(fields).encode()))
    assert token.signing_key == other_key.public_key()
    assert token.ca_pem == certificate


def test_nothing_shows_a_token(token_text):
    token = sw.PoolToken.parse(token_text)
    assert repr(token) == f"<PoolToken pool_id='{POOL_ID}' broker_endpoint='localhost:1'>"
    with pytest.raises(TypeError):
        pickle.dumps(token)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda fields: {}, "field"),
        (lambda fields: fields | {"certificate": None}, "field"),
        (lambda fields: fields | {"certificate": "x"}, "token"),
        (lambda fields: fields | {"pool_ulid": "x"}, "token"),
        (lambda fields: fields | {"broker": {"endpoint": "mqtts://"}}, "token"),
    ],
)
def test_a_broken_token_says_what_lacks(token_fields, change, code):
    with pytest.raises(sw.TokenError) as refused:
        sw.PoolToken.parse(base64.b64encode(json.dumps(change(token_fields)).encode()).decode())
    assert refused.value.code == code and isinstance(refused.value, ValueError)


@pytest.mark.parametrize(("text", "code"), [("", "empty"), ("%%%%", "base64"), ("e30", "cut_short"), ("bm8=", "json")])
def test_a_text_that_is_no_token_says_why(text, code):
    with pytest.raises(sw.TokenError) as refused:
        sw.PoolToken.parse(text)
    assert refused.value.code == code


def test_what_is_made_by_class_methods_is_not_called():
    for kind in (sw.PoolKey, sw.PoolPublicKey, sw.PoolToken, sw.InitializationPolicy):
        with pytest.raises(TypeError, match="use "):
            kind()
