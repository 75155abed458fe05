"""Masking: streams, writers, log records."""

from __future__ import annotations

import io
import logging
import random
import sys
import threading

import pytest

import spacelift_worker as sw

SECRET = "correct-horse-battery"


@pytest.mark.parametrize("step", [1, 2, 5, 64, 10**6])
def test_the_cuts_do_not_matter(step):
    data = f"one {SECRET} two {SECRET}{SECRET} three\n".encode() * 20
    masker = sw.Masker([SECRET])
    masked = b"".join(masker.push(data[at : at + step]) for at in range(0, len(data), step)) + masker.finish()
    assert masked == b"one ***** two ***** three\n" * 20


@pytest.mark.parametrize("room", [1, 7, 4096])
def test_what_does_not_fit_into_a_buffer_waits_and_comes_first(room):
    data = f"a {SECRET} b\n".encode() * 50
    masker, buffer, masked = sw.Masker([SECRET]), bytearray(room), bytearray()
    for at in range(0, len(data), 100):
        masked += buffer[: masker.push_into(data[at : at + 100], buffer)]
    while masker.pending:
        masked += buffer[: masker.push_into(b"", buffer)]
    assert bytes(masked + masker.finish()) == b"a ***** b\n" * 50


def test_flush_never_releases_a_held_byte():
    masker = sw.Masker([SECRET])
    given = masker.push(b"it is correct-hor") + masker.flush()
    assert given == b"it is "
    assert masker.push(b"se of course") + masker.finish() == b"correct-horse of course"


def test_a_secret_that_is_added_applies_to_all_streams_of_its_set():
    secrets = sw.Secrets()
    one, two = secrets.masker(), sw.Masker(secrets)
    assert one.add(SECRET)
    assert two.push(SECRET.encode() + b"!") == b"*****!"


@pytest.mark.parametrize(("value", "why"), [("", "blank"), ("  ", "blank"), ("abc", "too_short"), ("True", "common_word")])
def test_what_cannot_be_masked_is_told(value, why):
    assert sw.Secrets([SECRET, value]).refused == ((1, why),)
    assert not sw.Masker().add(value)


def test_secrets_may_be_bytes_that_are_no_text():
    masker = sw.Masker([b"\xff\xfe\xfd\xfc", bytearray(b"word1"), memoryview(b"word2")])
    assert masker.push(b"a \xff\xfe\xfd\xfc word1 word2.") + masker.finish() == b"a ***** ***** *****."


@pytest.mark.parametrize("wrong", ["a text", b"bytes", 5, None, [5], [None]])
def test_secrets_are_a_list_of_texts_or_bytes(wrong):
    with pytest.raises((TypeError, BufferError)):
        sw.Masker(wrong)


def test_a_form_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no form"):
        sw.Secrets(forms=["rot13"])


def test_well_known_secrets_are_masked_unnamed_on_demand():
    token = "ghp_" + "a1B2" * 9
    assert sw.Secrets(well_known=True).mask(f"use {token} now") == "use ***** now"
    assert sw.Secrets().mask(f"use {token} now") == f"use {token} now"


def test_nothing_shows_a_secret():
    secrets = sw.Secrets([SECRET])
    masker = secrets.masker()
    writer = sw.MaskingWriter(io.StringIO(), secrets)
    assert SECRET not in repr([secrets, masker, writer, sw.MaskingFilter(secrets)])


def test_what_is_finished_is_finished():
    masker = sw.Masker()
    masker.finish()
    for act in (masker.finish, masker.flush, lambda: masker.push(b"x"), lambda: masker.push_into(b"x", bytearray(1))):
        with pytest.raises(ValueError, match="finished"):
            act()


@pytest.mark.parametrize("file", [io.StringIO, io.BytesIO])
def test_a_writer_takes_text_and_bytes_for_text_and_bytes(file):
    target = file()
    with sw.MaskingWriter(target, [SECRET]) as writer:
        writer.write(f"Zürich {SECRET[:5]}")
        writer.write(f"{SECRET[5:]} ".encode())
        writer.writelines(["x\n", "y\n"])
    given = target.getvalue()
    assert (given if isinstance(given, str) else given.decode()) == "Zürich ***** x\ny\n"
    assert writer.closed and not target.closed


def test_a_character_that_is_cut_in_two_writes_is_whole_in_the_text():
    target = io.StringIO()
    with sw.MaskingWriter(target, [SECRET]) as writer:
        for byte in "Zürich €".encode():
            writer.write(bytes([byte]))
    assert target.getvalue() == "Zürich €"


def test_standard_output_may_be_masked(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", sw.MaskingWriter(sys.stdout, [SECRET]))
    print("password:", SECRET, flush=True)
    sys.stdout.close()
    assert capsys.readouterr().out == "password: *****\n"


def test_a_closed_writer_takes_nothing():
    writer = sw.MaskingWriter(io.BytesIO(), [])
    writer.close()
    writer.close()
    for act in (lambda: writer.write(b"x"), lambda: writer.secrets):
        with pytest.raises(ValueError, match="closed"):
            act()


def test_many_threads_write_and_no_line_is_torn():
    target = io.StringIO()
    writer = sw.MaskingWriter(target, [SECRET])
    line = f"password {SECRET} of thread\n"
    threads = [threading.Thread(target=lambda: [writer.write(line) for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert target.getvalue() == "password ***** of thread\n" * 1600


@pytest.fixture
def logger():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(sw.MaskingFilter([SECRET]))
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    made = logging.Logger("test")
    made.addHandler(handler)
    return made, stream


def test_a_record_is_masked_with_its_arguments(logger):
    made, stream = logger
    made.info("password %s of %d", SECRET, 5)
    made.info(f"password {SECRET}")
    made.info({"password": SECRET})
    assert SECRET not in stream.getvalue() and stream.getvalue().count("*****") == 3


def test_an_exception_and_a_stack_are_masked(logger):
    made, stream = logger
    try:
        raise KeyError(SECRET)
    except KeyError:
        made.exception("failed", stack_info=True)
    made.error("again", exc_info=ValueError(SECRET))
    assert SECRET not in stream.getvalue() and "KeyError: '*****'" in stream.getvalue()


def test_a_record_whose_arguments_do_not_fit_shows_none_of_them(logger, capsys):
    made, stream = logger
    made.info("%d", SECRET)
    assert SECRET not in stream.getvalue() + capsys.readouterr().err
    assert "do not fit" in stream.getvalue()


def test_random_streams_are_masked_as_python_replaces():
    dice = random.Random(7)
    for _ in range(200):
        secrets = {"".join(dice.choices("ab", k=dice.randint(8, 12))) for _ in range(3)}
        text = "".join(dice.choices("abc", k=300))
        hidden = set()
        for secret in secrets:
            at = -1
            while (at := text.find(secret, at + 1)) >= 0:
                hidden.update(range(at, at + len(secret)))
        # At the end, the beginning of a secret of 8 bytes or more is masked, too.
        for secret in secrets:
            for length in range(8, len(secret)):
                if text.endswith(secret[:length]):
                    hidden.update(range(len(text) - length, len(text)))
        expected = "".join(
            "*****" if at in hidden and at - 1 not in hidden else "" if at in hidden else letter
            for at, letter in enumerate(text)
        )
        masker = sw.Masker(sw.Secrets(secrets, forms=()))
        out, at = b"", 0
        while at < len(text):
            step = dice.randint(1, 40)
            out += masker.push(text[at : at + step].encode())
            at += step
        assert (out + masker.finish()).decode() == expected, (secrets, text)
