"""Secrets never reach a log: every occurrence in a stream becomes ``*****``, in many spellings and however it is cut.

What is promised, and what is not, stands in docs/masking.md.
"""

from __future__ import annotations

import codecs
import io
import logging
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, TypeAlias, final

from . import _native
from ._convert import Buffer, as_list, text_or_bytes

__all__ = ["Masker", "MaskingFilter", "MaskingWriter", "Secrets"]

Secret: TypeAlias = str | Buffer

FORMS = (
    "trimmed", "unquoted", "lines", "base64", "percent", "json", "go", "python", "hcl", "shell", "xml", "hex", "utf16le",
)  # fmt: skip
"""The spellings in which a value is looked for."""


@final
class Secrets:
    """A set of secrets that maskers share, and that only grows. What is added applies to all bytes not yet let go.

    Each value is looked for in all its spellings (base64, JSON, URLs, shells, …); ``forms`` names the ones to use instead of all.
    ``terminal``: control sequences inside of a value do not hide it. ``well_known``: tokens of well-known services are masked
    although nobody named them.

    >>> import spacelift_worker as sw
    >>> secrets = sw.Secrets(["hunter2"])
    >>> secrets.mask("the password is hunter2, aHVudGVyMg== in base64")
    'the password is *****, *****g== in base64'
    """

    __slots__ = ("_native", "_refused")

    def __init__(
        self,
        secrets: Iterable[Secret] = (),
        *,
        forms: Iterable[str] | None = None,
        terminal: bool = True,
        well_known: bool = False,
    ) -> None:
        self._native = _native.Secrets(None if forms is None else list(forms), terminal, well_known)
        self._refused: list[tuple[int, str]] = []
        values = [text_or_bytes(value) for value in as_list(secrets, "secrets")]  # type: ignore[arg-type]
        self._refused = self._native.add(values)

    def add(self, *values: Secret) -> bool:
        """Adds values, and tells whether all of them are masked from now on.

        False: a value is blank, shorter than 4 bytes, or a common word such as ``true``, and masking it would make logs unreadable.

        Raises `WorkerError` with code ``too_many_secrets``: nothing that may hold one may be shown then.

        >>> import spacelift_worker as sw
        >>> secrets = sw.Secrets()
        >>> secrets.add("hunter2"), secrets.add("no")
        (True, False)
        """
        return not self._native.add([text_or_bytes(value) for value in values])

    @property
    def refused(self) -> tuple[tuple[int, str], ...]:
        """Which of the first secrets, from 0, are not masked, and why: ``blank``, ``too_short`` or ``common_word``.

        >>> import spacelift_worker as sw
        >>> sw.Secrets(["hunter2", "", "yes"]).refused
        ((1, 'blank'), (2, 'common_word'))
        """
        return tuple(self._refused)

    def mask(self, text: str) -> str:
        """Masks a text that is complete in itself.

        >>> import spacelift_worker as sw
        >>> sw.Secrets(["hunter2"]).mask("hunter2!")
        '*****!'
        """
        return self._native.mask_text(text)

    def masker(self, *, commands: bool = False) -> Masker:
        """A masker for one stream. ``commands``: lines such as ``::add-mask::word`` in it add secrets and are swallowed.

        >>> import spacelift_worker as sw
        >>> masker = sw.Secrets().masker(commands=True)
        >>> masker.push(b"::add-mask::hunter2\\nhunter2!\\n") + masker.finish()
        b'*****!\\n'
        """
        return Masker(self, commands=commands)

    def __repr__(self) -> str:
        return "<Secrets>"


def _shared(secrets: Secrets | Iterable[Secret]) -> Secrets:
    return secrets if isinstance(secrets, Secrets) else Secrets(secrets)


@final
class Masker:
    """Masks one stream of bytes, however it is cut into writes.

    ``secrets`` are texts or bytes, or a `Secrets` that several streams share. Held back is only what may still become a secret.
    **Without** `finish` **the bytes that it holds are lost.**

    >>> import spacelift_worker as sw
    >>> masker = sw.Masker(["s3cret"])
    >>> masker.push(b"it is s3"), masker.push(b"cret.\\n"), masker.finish()
    (b'it is ', b'*****.\\n', b'')
    """

    __slots__ = ("_native", "secrets")

    def __init__(self, secrets: Secrets | Iterable[Secret] = (), *, commands: bool = False) -> None:
        self.secrets: Secrets = _shared(secrets)
        """The secrets that it looks for."""
        self._native = self.secrets._native.masker(commands)

    def add(self, *values: Secret) -> bool:
        """Adds secrets, for all bytes that it has not yet let go. False: one of them is not masked, see `Secrets.add`.

        >>> import spacelift_worker as sw
        >>> masker = sw.Masker()
        >>> masker.add("more"), masker.push(b"no more!")
        (True, b'no *****!')
        """
        return self.secrets.add(*values)

    def push(self, data: Buffer) -> bytes:
        """Takes the next bytes and returns whatever is certain by now.

        Raises `ValueError` when it is finished.

        >>> import spacelift_worker as sw
        >>> sw.Masker(["s3cret"]).push(b"open s3cret door")
        b'open ***** door'
        """
        return self._native.push(data)

    def push_into(self, data: Buffer, buffer: Buffer) -> int:
        """As `push`, into ``buffer``; returns how many bytes. What does not fit waits for the next call (``pending``).

        >>> import spacelift_worker as sw
        >>> buffer = bytearray(100)
        >>> written = sw.Masker(["s3cret"]).push_into(b"open s3cret door", buffer)
        >>> bytes(buffer[:written])
        b'open ***** door'
        """
        return self._native.push_into(data, buffer)

    def flush(self) -> bytes:
        """Returns what is certain and not yet returned. It never releases a byte that may be of a secret.

        >>> import spacelift_worker as sw
        >>> masker = sw.Masker(["s3cret"])
        >>> masker.push(b"s3c"), masker.flush()
        (b'', b'')
        """
        return self._native.push(b"")

    def finish(self) -> bytes:
        """Ends the stream and returns what is held. The beginning of a secret at the very end is masked from 8 bytes on.

        Raises `ValueError` when it is finished.

        >>> import spacelift_worker as sw
        >>> masker = sw.Masker(["s3cret"])
        >>> masker.push(b"s3c"), masker.finish()
        (b'', b's3c')
        """
        return self._native.finish()

    @property
    def pending(self) -> int:
        """How many bytes wait because a buffer was too small.

        >>> import spacelift_worker as sw
        >>> sw.Masker(["s3cret"]).pending
        0
        """
        return self._native.pending()

    def notices(self) -> list[str]:
        """What ``::add-mask`` lines asked for and could not get, since the last call.

        >>> import spacelift_worker as sw
        >>> masker = sw.Masker(commands=True)
        >>> masker.push(b"::add-mask::no\\n"), masker.notices()
        (b'', ['a word of `::add-mask` is a common word and not masked'])
        """
        return self._native.notices()

    def __repr__(self) -> str:
        return "<Masker>"


class _File(Protocol):
    def write(self, data: object, /) -> object: ...


@final
class MaskingWriter(io.IOBase):
    """A file object that masks what is written to it on the way to another one, text or binary as that one is.

    Its ``close`` writes what is held and leaves the other file open. Any thread may write.

    >>> import io
    >>> import spacelift_worker as sw
    >>> file = io.StringIO()
    >>> with sw.MaskingWriter(file, ["hunter2"]) as writer:
    ...     print("password:", "hunter2", file=writer)
    >>> file.getvalue()
    'password: *****\\n'
    """

    def __init__(
        self, fileobj: io.TextIOBase | io.BufferedIOBase | io.RawIOBase | _File, secrets: Secrets | Iterable[Secret]
    ) -> None:
        self._masker: Masker | None = None
        super().__init__()
        self._lock = threading.Lock()
        self._file: _File = fileobj  # type: ignore[assignment]
        self._text = isinstance(fileobj, io.TextIOBase)
        # A secret that is no text may take half a character with it.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._masker = Masker(secrets)

    @property
    def secrets(self) -> Secrets:
        """The secrets that it looks for; more may be added.

        >>> import io
        >>> import spacelift_worker as sw
        >>> sw.MaskingWriter(io.BytesIO(), []).secrets.add("hunter2")
        True
        """
        if self._masker is None:
            raise ValueError("this MaskingWriter is closed")
        return self._masker.secrets

    def writable(self) -> bool:
        """Always.

        >>> import io
        >>> import spacelift_worker as sw
        >>> sw.MaskingWriter(io.BytesIO(), []).writable()
        True
        """
        return True

    def write(self, data: str | Buffer, /) -> int:
        """Masks ``data`` and writes what is certain. Returns its length: all of it is taken.

        Raises `ValueError` when it is closed, and whatever the other file raises.

        >>> import io
        >>> import spacelift_worker as sw
        >>> sw.MaskingWriter(io.BytesIO(), ["hunter2"]).write(b"hunter2")
        7
        """
        given = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        with self._lock:
            if self._masker is None:
                raise ValueError("write to a closed MaskingWriter")
            self._pass_on(self._masker.push(given))
        return len(data) if isinstance(data, str) else memoryview(data).nbytes

    def flush(self) -> None:
        """Flushes the other file. What may be of a secret stays held.

        >>> import io
        >>> import spacelift_worker as sw
        >>> file = io.BytesIO()
        >>> writer = sw.MaskingWriter(file, ["hunter2"])
        >>> writer.write(b"hunt"), writer.flush(), file.getvalue()
        (4, None, b'')
        """
        if getattr(self, "_masker", None) is not None:
            flush = getattr(self._file, "flush", None)
            if flush is not None:
                flush()

    def close(self) -> None:
        """Writes what is held, flushes the other file and leaves it open. Closing twice is closing once.

        >>> import io
        >>> import spacelift_worker as sw
        >>> file = io.BytesIO()
        >>> writer = sw.MaskingWriter(file, ["hunter2"])
        >>> writer.write(b"hunt"), writer.close(), file.getvalue()
        (4, None, b'hunt')
        """
        try:
            if getattr(self, "_masker", None) is not None:
                with self._lock:
                    masker, self._masker = self._masker, None
                    if masker is not None:
                        self._pass_on(masker.finish(), end=True)
                        flush = getattr(self._file, "flush", None)
                        if flush is not None:
                            flush()
        finally:
            super().close()

    def _pass_on(self, masked: bytes, end: bool = False) -> None:
        if self._text:
            text = self._decoder.decode(masked, end)
            if text:
                self._file.write(text)
        elif masked:
            rest = memoryview(masked)
            while rest:
                taken = self._file.write(bytes(rest))
                rest = rest[taken if isinstance(taken, int) else len(rest) :]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class MaskingFilter(logging.Filter):
    """A filter for `logging` that masks what a record says: its message, its exception and its stack.

    Add it to handlers: a logger's filters do not see the records of its children.

    >>> import logging, sys
    >>> import spacelift_worker as sw
    >>> handler = logging.StreamHandler(sys.stdout)
    >>> handler.addFilter(sw.MaskingFilter(["hunter2"]))
    >>> logger = logging.getLogger("example")
    >>> logger.addHandler(handler)
    >>> logger.warning("logging in with %s", "hunter2")
    logging in with *****
    """

    def __init__(self, secrets: Secrets | Iterable[Secret]) -> None:
        super().__init__()
        self.secrets: Secrets = _shared(secrets)
        """The secrets that it looks for; more may be added."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Masks the record, which is for everyone who sees it after; never drops one.

        >>> import logging
        >>> import spacelift_worker as sw
        >>> record = logging.makeLogRecord({"msg": "%s", "args": ("hunter2",)})
        >>> sw.MaskingFilter(["hunter2"]).filter(record), record.getMessage()
        (True, '*****')
        """
        try:
            message = record.getMessage()
        except Exception:
            # The handler would print the arguments beside the error.
            message = "a log record whose message and arguments do not fit"
        record.msg, record.args = self.secrets.mask(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        # What others would make a text of, past this one.
        record.exc_info = None
        if record.exc_text:
            record.exc_text = self.secrets.mask(record.exc_text)
        if record.stack_info:
            record.stack_info = self.secrets.mask(record.stack_info)
        return True
