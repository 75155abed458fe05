"""Sealing and opening: bytes, pieces, files, file objects, and what is refused."""

from __future__ import annotations

import array
import hashlib
import io
import mmap
import os
import stat

import pytest

import spacelift_worker as sw

CONTEXT = {"purpose": "workspace", "run": "01HQZX3V6MS8ZJH3YDFG5N4R7K"}
SIZES = [0, 1, 16_383, 16_384, 16_385, 100_000, 1_000_000]


@pytest.fixture
def seal_options(key):
    return {"recipients": [key.public_key()], "context": CONTEXT, "signer": key}


@pytest.fixture
def unseal_options(key):
    return {"key": key, "context": CONTEXT, "signer": key.public_key()}


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens_and_has_the_length_that_was_foretold(key, seal_options, unseal_options, size):
    plain = os.urandom(size)
    sealed = sw.seal(plain, **seal_options)
    assert len(sealed) == sw.sealed_len(size, **seal_options | {"signer": key.public_key()})
    assert sw.unseal(sealed, **unseal_options) == plain
    assert plain[:64] not in sealed or size < 8


@pytest.mark.parametrize("step", [1, 7, 16_384, 65_536, 10**6])
def test_the_cuts_do_not_matter(seal_options, unseal_options, step):
    plain = os.urandom(50_000 if step < 100 else 300_000)
    sealer, unsealer = sw.Sealer(**seal_options), sw.Unsealer(**unseal_options)
    sealed = b"".join(sealer.update(plain[at : at + step]) for at in range(0, len(plain), step)) + sealer.finish()
    opened = [unsealer.update(sealed[at : at + step]) for at in range(0, len(sealed), step)]
    assert b"".join(opened) + unsealer.finish() == plain


@pytest.mark.parametrize("room", [1, 100, 16_400, 10**6])
def test_what_does_not_fit_into_a_buffer_waits_and_comes_first(seal_options, unseal_options, room):
    plain = os.urandom(20_000 if room == 1 else 200_000)
    sealer, buffer, sealed = sw.Sealer(**seal_options), bytearray(room), bytearray()
    for at in range(0, len(plain), 50_000):
        sealed += buffer[: sealer.update_into(plain[at : at + 50_000], buffer)]
        while sealer.pending:
            sealed += buffer[: sealer.update_into(b"", buffer)]
    sealed += sealer.finish()
    assert sw.unseal(sealed, **unseal_options) == plain
    unsealer, opened = sw.Unsealer(**unseal_options), bytearray()
    opened += buffer[: unsealer.update_into(sealed, buffer)]
    while unsealer.pending:
        opened += buffer[: unsealer.update_into(b"", buffer)]
    assert bytes(opened + unsealer.finish()) == plain


def test_a_buffer_with_room_enough_always_fits_all(key, seal_options):
    wide = {chr(97 + number) * 32: "x" * 256 for number in range(16)}
    sealer = sw.Sealer(**seal_options | {"context": wide})
    for size in (0, 1, 16_384, 65_536, 100_001):
        sealer.update_into(bytes(size), bytearray(size + 24 * 1024))
        assert sealer.pending == 0


@pytest.mark.parametrize(
    "view",
    [bytes, bytearray, memoryview, lambda data: memoryview(bytearray(data)), lambda data: memoryview(data + data)[::2]]
    + [lambda data: array.array("B", data)],
    ids=["bytes", "bytearray", "memoryview", "memoryview of bytearray", "every second byte", "array"],
)
def test_anything_with_the_buffer_protocol_is_taken(seal_options, unseal_options, view):
    given = view(b"plan" * 1000)
    sealed = sw.seal(given, **seal_options)
    assert sw.unseal(sealed, **unseal_options) == bytes(given)
    assert sw.unseal(bytearray(sealed), **unseal_options) == bytes(given)


def test_a_mapped_file_is_taken(tmp_path, seal_options, unseal_options):
    (tmp_path / "plan").write_bytes(b"plan" * 5000)
    with open(tmp_path / "plan", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        sealed = sw.seal(mapped, **seal_options)
    assert sw.unseal(sealed, **unseal_options) == b"plan" * 5000


@pytest.mark.parametrize("wrong", ["text", 5, None, [1, 2], array.array("I", [1])])
def test_what_is_no_bytes_is_no_data(seal_options, wrong):
    with pytest.raises((TypeError, BufferError)):
        sw.seal(wrong, **seal_options)
    with pytest.raises((TypeError, BufferError)):
        sw.Sealer(**seal_options).update(wrong)


@pytest.mark.parametrize("wrong", [b"bytes", memoryview(bytearray(100))[::2], "text", None])
def test_what_cannot_be_written_to_is_no_buffer_and_nothing_is_lost(seal_options, unseal_options, wrong):
    sealer = sw.Sealer(**seal_options)
    with pytest.raises((TypeError, BufferError)):
        sealer.update_into(b"plan", wrong)
    assert sw.unseal(sealer.update(b"plan") + sealer.finish(), **unseal_options) == b"plan"


def test_each_refusal_has_its_code_and_facts(key, other_key, seal_options, unseal_options):
    sealed = sw.seal(b"plan", **seal_options)

    def refusal(sealed=sealed, **changes):
        with pytest.raises(sw.SealError) as refused:
            sw.unseal(sealed, **unseal_options | changes)
        return refused.value

    context = refusal(context=CONTEXT | {"run": "other"})
    assert context.code == "context"
    assert context.details == {"key": "run", "found": CONTEXT["run"], "expected": "other"}
    kid, other_kid = key.public_key().kid, other_key.public_key().kid
    assert refusal(signer=sw.UNSIGNED).code == "signed"
    assert refusal(signer=other_key.public_key()).details == {"kid": kid}
    assert refusal(key=other_key).code == "recipient"
    assert refusal(sealed[:-1]).code == refusal(sealed + b"x").code == "damaged"
    assert refusal(b"{}" + sealed).code == "form"
    assert refusal(b"").code == "cut_short"
    unsigned = sw.seal(b"plan", recipients=[key.public_key()], context=CONTEXT)
    assert refusal(unsigned).code == "unsigned"
    foreign = sw.seal(b"plan", recipients=[key.public_key()], context=CONTEXT, signer=other_key)
    assert refusal(foreign).details == {"kid": other_kid}
    assert refusal(foreign, signer=sw.RECIPIENT).code == "untrusted"


def test_several_keys_open_while_a_pool_changes_its_own(key, other_key):
    sealed = sw.seal(b"plan", recipients=[other_key.public_key()], signer=other_key)
    signers = [key.public_key(), other_key.public_key()]
    assert sw.unseal(sealed, key=[key, other_key], signer=signers) == b"plan"
    assert sw.unseal(sealed, key=[key, other_key], signer=sw.RECIPIENT) == b"plan"


def test_the_first_error_stays(key, seal_options, unseal_options):
    sealed = bytearray(sw.seal(os.urandom(100_000), **seal_options))
    sealed[50_000] ^= 1
    unsealer, codes = sw.Unsealer(**unseal_options), []
    for step in (lambda: unsealer.update(sealed), lambda: unsealer.update(b""), unsealer.finish):
        with pytest.raises(sw.SealError) as refused:
            step()
        codes.append(refused.value.code)
    assert codes == ["damaged"] * 3


def test_what_is_finished_is_finished(seal_options, unseal_options):
    sealer, unsealer = sw.Sealer(**seal_options), sw.Unsealer(**unseal_options)
    unsealer.update(sealer.finish())
    unsealer.finish()
    for act in (sealer.finish, sealer.finalize, lambda: sealer.update(b""), unsealer.finish, lambda: unsealer.update(b"")):
        with pytest.raises(ValueError, match="finished"):
            act()


def test_a_declared_length_is_kept(seal_options):
    with pytest.raises(sw.SealError) as refused:
        sw.Sealer(**seal_options, plain_len=3).update(b"plan")
    assert refused.value.code == "length"
    with pytest.raises(sw.SealError):
        sw.Sealer(**seal_options, plain_len=3).finish()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"recipients": []}, ValueError),
        ({"recipients": ["kid"]}, TypeError),
        ({"recipients": "kid"}, TypeError),
        ({"recipients": None}, TypeError),
        ({"signer": "me"}, TypeError),
        ({"context": {"Run": "1"}}, ValueError),
        ({"context": {"run": ""}}, ValueError),
        ({"context": {"run": 'a"b'}}, ValueError),
        ({"context": {"run": 1}}, TypeError),
        ({"context": {chr(97 + number): "x" for number in range(17)}}, ValueError),
        ({"context": "run"}, (TypeError, AttributeError)),
    ],
)
def test_options_that_can_never_be_right_are_refused(seal_options, changes, error):
    with pytest.raises(error):
        sw.seal(b"plan", **seal_options | changes)


def test_two_recipients_are_refused_in_plain_words(key, other_key):
    with pytest.raises(ValueError, match="exactly one key"):
        sw.seal(b"plan", recipients=[key.public_key(), other_key.public_key()])


@pytest.mark.parametrize("signer", ["kid", None, 5])
def test_whom_to_trust_must_be_said(key, seal_options, unseal_options, signer):
    sealed = sw.seal(b"plan", **seal_options)
    with pytest.raises((TypeError, ValueError)):
        sw.unseal(sealed, **unseal_options | {"signer": signer})
    with pytest.raises(TypeError):
        sw.unseal(sealed, key=key)


def test_a_private_key_in_the_place_of_a_public_one_is_a_type_error(key, seal_options, unseal_options):
    with pytest.raises(TypeError, match="PoolPublicKey"):
        sw.seal(b"plan", **seal_options | {"recipients": [key]})
    with pytest.raises(TypeError, match="PoolPublicKey"):
        sw.unseal(sw.seal(b"plan", **seal_options), **unseal_options | {"signer": [key]})


def test_the_header_tells_for_whom_by_whom_and_for_what(key, seal_options, tmp_path):
    sealed = sw.seal(b"plan", **seal_options)
    header = sw.inspect(sealed)
    kid = key.public_key().kid
    assert (header["v"], header["kid"], header["signer"], header["context"]) == (1, kid, kid, CONTEXT)
    assert sw.inspect(memoryview(sealed)) == sw.inspect(sealed[:2000]) == header
    (tmp_path / "sealed").write_bytes(sealed)
    assert sw.inspect(tmp_path / "sealed") == header
    for wrong, code in ((b"", "cut_short"), (b"x\n-\n", "form"), (b'{"v":2}\n-\n', "version")):
        with pytest.raises(sw.SealError) as refused:
            sw.inspect(wrong)
        assert refused.value.code == code


class TestFiles:
    """Sealing file to file."""

    @pytest.mark.parametrize("size", SIZES)
    def test_a_file_is_sealed_and_opened(self, tmp_path, seal_options, unseal_options, size):
        plain = os.urandom(size)
        (tmp_path / "plan").write_bytes(plain)
        sealed_len = sw.seal_file(tmp_path / "plan", str(tmp_path / "sealed"), **seal_options)
        assert (tmp_path / "sealed").stat().st_size == sealed_len
        assert stat.S_IMODE((tmp_path / "sealed").stat().st_mode) == 0o600
        assert sw.unseal_file(os.fsencode(tmp_path / "sealed"), tmp_path / "again", **unseal_options) == size
        assert (tmp_path / "again").read_bytes() == plain == sw.unseal((tmp_path / "sealed").read_bytes(), **unseal_options)

    def test_a_part_is_opened_alone(self, tmp_path, seal_options, unseal_options):
        plain = os.urandom(200_000)
        (tmp_path / "sealed").write_bytes(sw.seal(plain, **seal_options))
        for offset, length in ((0, 10), (16_380, 10), (100_000, 50_000), (200_000, 0)):
            part = sw.unseal_range(tmp_path / "sealed", offset, length, **unseal_options)
            assert part == plain[offset : offset + length]
        for offset, length in ((199_999, 2), (-1, 5)):
            with pytest.raises(ValueError, match="range|negative|bytes"):
                sw.unseal_range(tmp_path / "sealed", offset, length, **unseal_options)

    def test_a_file_that_does_not_open_leaves_no_file(self, tmp_path, seal_options, unseal_options):
        (tmp_path / "sealed").write_bytes(sw.seal(os.urandom(100_000), **seal_options)[:-1])
        (tmp_path / "plan").write_bytes(b"before")
        with pytest.raises(sw.SealError):
            sw.unseal_file(tmp_path / "sealed", tmp_path / "plan", **unseal_options)
        assert (tmp_path / "plan").read_bytes() == b"before"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["plan", "sealed"]

    def test_files_that_are_not_there_are_those_errors_of_python(self, tmp_path, seal_options):
        with pytest.raises(FileNotFoundError) as missing:
            sw.seal_file(tmp_path / "nothing", tmp_path / "sealed", **seal_options)
        assert missing.value.filename == str(tmp_path / "nothing")
        (tmp_path / "plan").write_bytes(b"plan")
        with pytest.raises(FileNotFoundError):
            sw.seal_file(tmp_path / "plan", tmp_path / "no folder" / "sealed", **seal_options)
        with pytest.raises(ValueError, match="regular file"):
            sw.seal_file(tmp_path, tmp_path / "sealed", **seal_options)
        with pytest.raises(ValueError, match="its own target"):
            sw.seal_file(tmp_path / "plan", tmp_path / "plan", **seal_options)



class Trickle(io.RawIOBase):
    """A raw file that takes and gives a few bytes at a time."""

    def __init__(self, data=b""):
        super().__init__()
        self.data = bytearray(data)

    def writable(self):
        return True

    def readable(self):
        return True

    def write(self, data):
        self.data += bytes(data)[:1000]
        return min(len(data), 1000)

    def readinto(self, buffer):
        taken = min(len(buffer), 1000, len(self.data))
        buffer[:taken], self.data = self.data[:taken], self.data[taken:]
        return taken


@pytest.mark.parametrize("file", [io.BytesIO, Trickle])
def test_file_objects_seal_and_open(seal_options, unseal_options, file):
    plain, target = os.urandom(100_000), file()
    with sw.SealWriter(target, **seal_options) as writer:
        for at in range(0, len(plain), 7_000):
            assert writer.write(plain[at : at + 7_000]) == len(plain[at : at + 7_000])
    sealed = bytes(target.data) if file is Trickle else target.getvalue()
    with sw.UnsealReader(file(sealed), **unseal_options) as reader:
        assert reader.read() == plain
    with io.BufferedReader(sw.UnsealReader(file(sealed), **unseal_options)) as reader:
        assert reader.read(10) == plain[:10]
        assert hashlib.file_digest(reader, "sha256").digest() == hashlib.sha256(plain[10:]).digest()


def test_text_goes_through_the_io_module(seal_options, unseal_options):
    target = io.BytesIO()
    with io.TextIOWrapper(io.BufferedWriter(sw.SealWriter(target, **seal_options)), "utf-8") as text:
        text.write("Zürich\n" * 10)
    reader = sw.UnsealReader(io.BytesIO(target.getvalue()), **unseal_options)
    with io.TextIOWrapper(io.BufferedReader(reader), "utf-8") as text:
        assert list(text) == ["Zürich\n"] * 10


def test_leaving_by_an_exception_leaves_a_file_that_never_opens(seal_options, unseal_options):
    target = io.BytesIO()
    with pytest.raises(KeyError), sw.SealWriter(target, **seal_options) as writer:
        writer.write(b"plan")
        raise KeyError
    assert writer.closed and not target.closed
    with pytest.raises(sw.SealError):
        sw.unseal(target.getvalue(), **unseal_options)


def test_a_writer_that_nobody_closed_writes_no_end(seal_options, unseal_options):
    target = io.BytesIO()
    writer = sw.SealWriter(target, **seal_options)
    writer.write(b"plan")
    del writer
    with pytest.raises(sw.SealError):
        sw.unseal(target.getvalue(), **unseal_options)


def test_after_an_error_of_the_other_file_nothing_more_is_written(seal_options):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    writer = sw.SealWriter(Full(), **seal_options)
    with pytest.raises(OSError, match="space"):
        writer.write(b"plan")
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"plan")
    writer.close()


def test_closing_twice_is_closing_once_and_then_nothing_works(seal_options, unseal_options):
    target = io.BytesIO()
    writer = sw.SealWriter(target, **seal_options)
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"x")
    reader = sw.UnsealReader(io.BytesIO(target.getvalue()), **unseal_options)
    assert reader.read() == b""
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read(1)


def test_a_reader_of_a_cut_file_raises_at_its_end_and_again(seal_options, unseal_options):
    plain = os.urandom(100_000)
    reader = sw.UnsealReader(io.BytesIO(sw.seal(plain, **seal_options)[:-1]), **unseal_options)
    given = bytearray()
    for _ in range(2):
        with pytest.raises(sw.SealError) as refused:
            while piece := reader.read(10_000):
                given += piece
        assert refused.value.code == "damaged"
    assert plain.startswith(given)
