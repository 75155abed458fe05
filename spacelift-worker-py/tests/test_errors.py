"""Errors: their kinds, what survives pickling, and what a mistake in the library does not do."""

from __future__ import annotations

import pickle
import re
import threading

import pytest
from conftest import ROOT

import spacelift_worker as sw
from spacelift_worker import _native

KINDS = [value for value in vars(sw).values() if isinstance(value, type) and issubclass(value, sw.WorkerError)]


def test_the_kinds_are_those_of_python_as_well():
    bases = {
        sw.TokenError: ValueError,
        sw.KeyFormatError: ValueError,
        sw.PolicyError: ValueError,
        sw.ConfigError: ValueError,
        sw.SessionError: ConnectionError,
        sw.ForkedError: RuntimeError,
    }
    for kind, base in bases.items():
        assert issubclass(kind, (base, sw.WorkerError)) and issubclass(kind, base)
    assert issubclass(sw.WorkerError, Exception)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_after_pickling(kind):
    error = kind("a message", "a_code", {"a": [1]})
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and str(again) == str(error) == "a message"
    assert (again.code, again.details, again.status, again.retryable) == ("a_code", {"a": [1]}, error.status, kind.retryable)
    assert again.__notes__ == ["a note"]


def test_numbers_are_those_of_c():
    header = ROOT / "include" / "spacelift" / "worker.h"
    numbers = dict(re.findall(r"#define (SLW_\w+) \(?(-?\d+)\)?", header.read_text()))
    for error, name in (
        (sw.WorkerError(), "SLW_ERR_INVALID_ARGUMENT"),
        (sw.TokenError(), "SLW_ERR_TOKEN"),
        (sw.KeyFormatError(), "SLW_ERR_KEY"),
        (sw.SealError("", "crypto"), "SLW_ERR_SEAL"),
        (sw.SealError("", "damaged"), "SLW_ERR_UNSEAL"),
        (sw.PolicyError(), "SLW_ERR_POLICY"),
        (sw.ConfigError(), "SLW_ERR_CONFIG"),
        (sw.ConfigError("", "duration"), "SLW_ERR_DURATION"),
        (sw.SessionError(), "SLW_ERR_SESSION"),
        (sw.SessionClosed(), "SLW_CLOSED"),
        (sw.ForkedError(), "SLW_ERR_FORKED"),
        (sw.InternalError(), "SLW_ERR_PANIC"),
    ):
        assert error.status == int(numbers[name]), name


@pytest.mark.skipif(not hasattr(_native, "break_down"), reason="a release has no call that breaks down")
def test_a_mistake_in_the_library_is_an_exception_like_others(capfd):
    with pytest.raises(sw.InternalError, match="on purpose") as broken:
        _native.break_down()
    assert broken.value.code == "panic"
    assert sw.Masker(["hunter2"]).push(b"hunter2!") == b"*****!"
    caught = []
    thread = threading.Thread(target=lambda: caught.append(pytest.raises(sw.InternalError, _native.break_down)))
    thread.start()
    thread.join()
    assert len(caught) == 1
