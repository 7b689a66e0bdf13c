"""Open a file or standard input as numbered lines of text, in constant memory."""

from __future__ import annotations

import codecs
import io
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO

from picluster.errors import os_errors, refusal
from picluster.harvest.formats.base import Context, Format, Line
from picluster.harvest.formats.detect import by_name, detect
from picluster.harvest.observation import Fact, Remark
from picluster.harvest.unpacking import pieces_of

#: Characters given to :meth:`Format.matches`.
HEAD = 64 * 1024
#: Characters kept of a line of a streaming format; the rest is cut with a remark.
LINE_LIMIT = 64 * 1024
#: Bytes a format that has to see the whole text may have.
WHOLE_LIMIT = 16 * 1024 * 1024

_PIECE = 256 * 1024
_REMARKS = 100
_CAPTURES = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
_WIDE_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b"))


@dataclass(slots=True)
class Source:
    """An opened text.

    Attributes:
        head: its first 64 KiB, lines joined by newlines; for :func:`detect`.
        lines: every line from the first, read as they are taken.
        context: its name, time of change and offset from UTC.
        remarks: what had to be cut or dropped so far, at most 100.
    """

    head: str
    lines: Iterator[Line]
    context: Context
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, what: str, line: int) -> None:
        """Note something about a line; more than 100 notes are not kept."""
        if len(self.remarks) < _REMARKS:
            self.remarks.append(Remark(what, self.context.source, line))


@contextmanager
def open_source(path: str | Path, *, utc_offset_s: int | None = None) -> Iterator[Source]:
    """Open a text file, plain or packed by gzip, xz or bzip2; ``-`` is standard input.

    Args:
        path: the file.
        utc_offset_s: offset of its local times from UTC; ``None`` takes this machine's at the
            time the file was changed.

    Yields:
        The source. UTF-8 is assumed and a line that is not is read as Latin-1; a UTF-16 BOM is
        obeyed; CR, LF and CR LF end a line.

    Raises:
        PiclusterError: missing, unreadable, a directory, empty, binary or badly packed.
    """
    name = str(path)
    if name == "-":
        yield _source(sys.stdin.buffer, _context("standard input", time.time(), utc_offset_s))
        return
    file = Path(path)
    if file.is_dir():
        raise refusal("is a directory", "name the files in it", file=name)
    with os_errors("open", name, "check the path and its permissions"):
        stream = file.open("rb")
        modified = file.stat().st_mtime
    with stream:
        yield _source(stream, _context(name, modified, utc_offset_s))


def read_facts(
    path: str | Path, *, format_name: str | None = None, utc_offset_s: int | None = None
) -> Iterator[Fact]:
    """Read every fact of a file, detecting its format.

    Args:
        path: the file, or ``-``.
        format_name: a format's name to skip detection.
        utc_offset_s: see :func:`open_source`.

    Yields:
        Facts in the order of the text; remarks about cut lines last.

    Raises:
        PiclusterError: the file cannot be read, or is of no format or of more than one.
    """
    with open_source(path, utc_offset_s=utc_offset_s) as source:
        form = by_name(format_name) if format_name else detect(source.head, source.context.source)
        yield from form.parse(bounded(source, form), source.context)
        yield from source.remarks


def bounded(source: Source, form: Format) -> Iterator[Line]:
    """The lines of a source within the limits of a format.

    Raises:
        PiclusterError: while iterating, when a format that needs the whole text gets more
            than 16 MiB.
    """
    if form.streams:
        for number, text in source.lines:
            if len(text) <= LINE_LIMIT:
                yield number, text
            else:
                source.remark(f"line of {len(text)} characters cut to {LINE_LIMIT}", number)
                yield number, text[:LINE_LIMIT]
        return
    size = 0
    for number, text in source.lines:
        size += len(text) + 1
        if size > WHOLE_LIMIT:
            raise refusal(
                f"larger than {WHOLE_LIMIT // 2**20} MiB, the limit for {form.name}",
                "split it or keep the tables only",
                file=source.context.source,
                line=number,
            )
        yield number, text


def _context(name: str, modified: float, utc_offset_s: int | None) -> Context:
    if utc_offset_s is None:
        utc_offset_s = time.localtime(modified).tm_gmtoff
    return Context(name, datetime.fromtimestamp(modified, UTC), utc_offset_s)


def _source(stream: IO[bytes], context: Context) -> Source:
    source = Source("", iter(()), context)
    lines = _lines(_narrowed(_read(stream, context.source), source), source)
    first: list[Line] = []
    size = 0
    for line in lines:
        first.append(line)
        size += len(line[1]) + 1
        if size >= HEAD:
            break
    source.head = "\n".join(text for _, text in first)[:HEAD]
    if size < HEAD and not source.head.strip():
        raise refusal("is empty", "give the output of a switch or a server", file=context.source)
    source.lines = chain(first, lines)
    return source


def _read(stream: IO[bytes], name: str) -> Iterator[bytes]:
    with os_errors("read", name):
        yield from pieces_of(iter(lambda: _some(stream), b""), name)


def _some(stream: IO[bytes]) -> bytes:
    # a pipe is handed on as it fills, so that a live log is not held back
    if isinstance(stream, io.BufferedReader):
        return stream.read1(_PIECE)
    return stream.read(_PIECE)


def _narrowed(pieces: Iterable[bytes], source: Source) -> Iterator[bytes]:
    """UTF-8 (or what claims to be) without BOM and NUL; binary data is refused at its start."""
    decoder: codecs.IncrementalDecoder | None = None
    for index, piece in enumerate(pieces):
        data = piece
        if index == 0:
            encoding = _WIDE_BOMS.get(data[:2])
            if encoding:
                decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
            else:
                data = data.removeprefix(codecs.BOM_UTF8)
                _refuse_binary(data, source.context.source)
        if decoder:
            data = decoder.decode(data).encode("utf-8", "replace")
        if b"\0" in data:
            data = data.replace(b"\0", b"")
            source.remark("NUL bytes dropped", 1)
        yield data


def _refuse_binary(data: bytes, name: str) -> None:
    if data[:4] in _CAPTURES:
        raise refusal("is a binary capture", "print it: tcpdump -vnr FILE", file=name)
    head = data[:HEAD]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if b"\0" in head or controls * 10 > len(head):
        raise refusal("is binary, not text", "give text as the tool printed it", file=name)


def _lines(pieces: Iterable[bytes], source: Source) -> Iterator[Line]:
    number = 0
    rest = b""
    cut = False
    for piece in pieces:
        data = rest + piece
        # a CR at the very end may be half of a CR LF: it waits for the next piece
        held = b"\r" if data.endswith(b"\r") else b""
        body = data[: len(data) - len(held)]
        if b"\r" in body:
            body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        whole, newline, tail = body.rpartition(b"\n")
        rest = tail + held
        if newline:
            texts = _decoded(whole)
            if cut:
                texts, cut = texts[1:], False
            for text in texts:
                number += 1
                yield number, text
        if cut:
            rest = held
        elif len(rest) > WHOLE_LIMIT:
            number += 1
            source.remark(f"line longer than {WHOLE_LIMIT} bytes cut", number)
            yield number, _decoded(rest)[0]
            rest, cut = b"", True
    if rest.strip(b"\r") and not cut:
        yield number + 1, _decoded(rest.rstrip(b"\r"))[0]


def _decoded(whole: bytes) -> list[str]:
    try:
        return whole.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return [_line(line) for line in whole.split(b"\n")]


def _line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")
