"""What the tests share: keys, a pool's token, the vectors of the repository."""

from __future__ import annotations

import base64
import datetime
import json
import os
import signal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

import spacelift_worker as sw

# A shell ignores it for what it starts in the background, and an ignored signal is inherited: the tests send it to processes of theirs.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
POOL_ID = "01HQZX3V6MS8ZJH3YDFG5N4R7K"


@pytest.fixture(scope="session")
def key() -> sw.PoolKey:
    """A pool's key."""
    return sw.PoolKey.generate(bits=2048)


@pytest.fixture(scope="session")
def other_key() -> sw.PoolKey:
    """The key of another pool."""
    return sw.PoolKey.generate(bits=2048)


@pytest.fixture(scope="session")
def certificate(key: sw.PoolKey) -> bytes:
    """The pool's certificate, made by another library."""
    private = serialization.load_pem_private_key(key.to_pem(), None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, POOL_ID)])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    built = built.public_key(private.public_key())
    built = built.not_valid_before(datetime.datetime(2024, 1, 1)).not_valid_after(datetime.datetime(2124, 1, 1))
    return built.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def token_fields(certificate: bytes) -> dict[str, object]:
    """What stands in the pool's token."""
    return {
        "broker": {"endpoint": "localhost:1"},
        "certificate": certificate.decode(),
        "pool_ulid": POOL_ID,
    }


@pytest.fixture(scope="session")
def token_text(token_fields: dict[str, object]) -> str:
    """The pool's token."""
    return base64.b64encode(json.dumps(token_fields).encode()).decode()


@pytest.fixture(autouse=True)
def environment(token_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples read the token where a launcher does."""
    for name in list(os.environ):
        if name.startswith("SPACELIFT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SPACELIFT_TOKEN", token_text)


@pytest.fixture
def nowhere(token_fields: dict[str, object], key: sw.PoolKey) -> dict[str, str]:
    """The variables of a worker whose broker does not listen."""
    fields = token_fields | {"broker": {"endpoint": "127.0.0.1:1"}}
    return {
        "SPACELIFT_TOKEN": base64.b64encode(json.dumps(fields).encode()).decode(),
        "SPACELIFT_POOL_PRIVATE_KEY": base64.b64encode(key.to_pem()).decode(),
    }
