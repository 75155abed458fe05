"""What `cryptography` and this package make of each other's bytes."""

from __future__ import annotations

import importlib.util
import os

import cryptography
import pytest
from conftest import VECTORS
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives import serialization

import spacelift_worker as sw
from spacelift_worker import cobblestone

SIZES = [0, 1, 16_383, 16_384, 16_385, 32_768, 100_000]
KEY = bytes(range(32))


def in_pieces(stream, data, step):
    return b"".join(stream.update(data[at : at + step]) for at in range(0, len(data), step)) + stream.finalize()


def test_the_other_library_is_as_new_as_it_must_be():
    assert int(cryptography.__version__.split(".")[0]) >= 50


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1_000, 16_384, 10**6])
def test_what_one_encrypts_the_other_decrypts(size, step):
    plain = os.urandom(size)
    ours = in_pieces(cobblestone.Encryptor(KEY, context=b"ctx"), plain, step)
    assert in_pieces(Cobblestone256Decryptor(KEY, b"ctx"), ours, 5_000) == plain
    theirs = in_pieces(Cobblestone256Encryptor(KEY, b"ctx"), plain, step)
    assert in_pieces(cobblestone.Decryptor(KEY, context=b"ctx"), theirs, 5_000) == plain
    assert len(ours) == len(theirs)


@pytest.mark.parametrize("change", ["key", "context", "bit", "cut", "more"])
def test_both_refuse_the_same(change):
    message = bytearray(in_pieces(Cobblestone256Encryptor(KEY, b"ctx"), os.urandom(40_000), 10**6))
    key, context = KEY, b"ctx"
    if change == "key":
        key = bytes(32)
    elif change == "context":
        context = b"other"
    elif change == "bit":
        message[20_000] ^= 1
    elif change == "cut":
        del message[-1:]
    else:
        message += b"x"
    with pytest.raises(sw.SealError) as refused:
        in_pieces(cobblestone.Decryptor(key, context), bytes(message), 10**6)
    assert refused.value.code == "damaged"
    with pytest.raises(Exception):  # noqa: B017: whatever it is there
        in_pieces(Cobblestone256Decryptor(key, context), bytes(message), 10**6)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length):
    for kind in (cobblestone.Encryptor, cobblestone.Decryptor):
        with pytest.raises(ValueError, match="32 bytes"):
            kind(bytes(length))


def test_no_two_messages_have_one_salt():
    assert len({cobblestone.Encryptor(KEY).finalize()[:24] for _ in range(100)}) == 100


@pytest.fixture(scope="module")
def other_implementation():
    """The other reader and writer of sealed run state, over `cryptography`."""
    spec = importlib.util.spec_from_file_location("sealed", VECTORS / "envelope" / "sealed.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pem_of(key):
    return serialization.load_pem_private_key(key.to_pem(), None)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_what_one_seals_the_other_opens(other_implementation, key, size, signed):
    plain, context = os.urandom(size), {"purpose": "workspace", "run": "1"}
    theirs = pem_of(key)
    ours = sw.seal(plain, recipients=[key.public_key()], context=context, signer=key if signed else None)
    trusted = [theirs.public_key()] if signed else None
    assert other_implementation.unseal([theirs], context, trusted, ours) == plain
    sealed = other_implementation.seal(theirs.public_key(), context, theirs if signed else None, plain)
    signer = key.public_key() if signed else sw.UNSIGNED
    assert sw.unseal(sealed, key=key, context=context, signer=signer) == plain
    assert sw.inspect(sealed)["context"] == context
