"""What workers say of themselves, and who hears it."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import subprocess
import sys
import textwrap
import time

import pytest

import spacelift_worker as sw
from spacelift_worker import _native

spoken = pytest.mark.skipif(not hasattr(_native, "say"), reason="a release has no call that says something")


class Heard(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = queue.SimpleQueue()

    def emit(self, record):
        self.records.put(record)


@pytest.fixture
def heard(request):
    """Records of a logger of the test's own, as they come; nobody hears anything after it."""
    handler = Heard()
    logger = logging.getLogger(request.node.name)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger, handler.records
    sw.enable_logging(level=logging.CRITICAL)


def until(records, words):
    """The first record that says this."""
    while True:
        record = records.get(timeout=30)
        if words in record.getMessage():
            return record


def test_what_a_worker_says_arrives_as_records_with_its_values(heard, nowhere):
    logger, records = heard
    sw.enable_logging(logger)
    with sw.connect(nowhere):
        record = until(records, "127.0.0.1:1")
    assert record.name == logger.name and record.levelno >= logging.INFO
    assert record.pathname.endswith(".rs") and record.lineno > 0
    assert record.event in record.getMessage() and record.fields
    assert abs(record.created - time.time()) < 60


def test_what_a_launcher_masks_is_masked_here_too(heard, nowhere):
    logger, records = heard
    sw.enable_logging(logger)
    with sw.connect(nowhere | {"SPACELIFT_MASK_ENVS": "WHERE", "WHERE": "127.0.0.1"}):
        record = until(records, "*****:1")
    assert "127.0.0.1" not in f"{record.__dict__}"


@spoken
def test_the_last_call_says_to_whom_and_from_which_level(heard):
    logger, records = heard
    sw.enable_logging(logger.name)
    _native.say("one", 1)
    assert until(records, "one").fields == {"number": 0}
    sw.enable_logging(logger, level=logging.WARNING)
    _native.say("too quiet", 1)
    sw.enable_logging(logger, level=logging.DEBUG)
    _native.say("two", 1)
    assert records.get(timeout=30).getMessage() == "two number=0"


@spoken
def test_what_nobody_takes_is_counted_and_not_kept(heard):
    logger, records = heard
    sw.enable_logging(logger)
    _native.say("many", 100_000)
    heard_of, dropped = 0, 0
    while heard_of + dropped < 100_000:
        record = records.get(timeout=30)
        if "were dropped" in record.msg:
            assert record.levelno == logging.WARNING
            dropped += record.args[0]
        else:
            heard_of += 1
    assert dropped > 0 and heard_of + dropped == 100_000


@spoken
def test_a_filter_that_raises_stops_nothing(heard, capsys):
    logger, records = heard

    def broken(record):
        if "bad" in record.getMessage() or "were dropped" in record.getMessage():
            raise RuntimeError("on purpose")
        return True

    logger.addFilter(broken)
    sw.enable_logging(logger)
    _native.say("bad", 100_000)
    # Until there is room for it.
    while True:
        _native.say("good", 1)
        with contextlib.suppress(queue.Empty):
            assert "good" in records.get(timeout=0.1).getMessage()
            break
    assert "on purpose" in capsys.readouterr().err


def program(code):
    code = "import logging, os, sys\nimport spacelift_worker as sw\nfrom spacelift_worker import _native\n" + textwrap.dedent(code)
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_nothing_is_said_where_nobody_asked(nowhere):
    assert program(f"with sw.connect({nowhere!r}) as worker: worker.next()") == (0, "", "")


@spoken
def test_the_last_words_of_a_process_are_heard():
    code = """
        logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")
        logging.getLogger().setLevel(logging.INFO)
        sw.enable_logging()
        _native.say("the end", 3)
    """
    said = "".join(f"spacelift_worker INFO the end number={number}\n" for number in range(3))
    for _ in range(10):
        assert program(code) == (0, said, "")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_says_so_and_ends_cleanly():
    code = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        sw.enable_logging()
        child = os.fork()
        if child == 0:
            try:
                sw.enable_logging()
            except sw.ForkedError:
                sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert program(code) == (0, "7\n", "")
