"""A command that runs on a board: bounded in time and output, its status told."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from picluster.errors import refusal, shown

#: Begins the last line of what a board gives back.
_MARK = "picluster-status"
_END = re.compile(rf"\n{_MARK} (\d{{1,3}})\s*\Z")
#: Status of a command that ``timeout`` has ended.
_TIMED_OUT = 124
_LONGEST = 64 * 1024
#: Characters of a reason.
_REASON = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """What a board may take and give.

    Attributes:
        seconds: time of the command.
        size: bytes of output that are kept; the rest is dropped.
    """

    seconds: float = 60.0
    size: int = 16 * 1024

    def __post_init__(self) -> None:
        """Refuse what means nothing.

        Raises:
            PiclusterError: naming the value.
        """
        if not 0 < self.seconds <= 86400:
            raise refusal(f"{self.seconds:g} s is no time for a command", "above 0, a day at most")
        if not 0 < self.size <= 64 * 1024 * 1024:
            raise refusal(f"{self.size} bytes is no size", "above 0, 64 MiB at most")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one board.

    Attributes:
        board: its name.
        status: exit status of the command; ``None`` where it was not run, or not to its end.
        text: output and errors, in the order they came; line ends and tabs are as they were,
            anything else a terminal would obey is escaped.
        cut: there was more.
        why: why there is no status.
    """

    board: str
    status: int | None
    text: str = ""
    cut: bool = False
    why: str = ""

    @property
    def timed_out(self) -> bool:
        """The time of the command was over."""
        return self.status == _TIMED_OUT


def script_of(command: str, limits: Limits) -> str:
    """A shell script that runs a command on a board.

    The command's output beyond the limit is read and dropped, so that it runs to its end.

    Raises:
        PiclusterError: there is no command, or it is too long to hand over.
    """
    if not command.strip() or "\0" in command:
        raise refusal(f"{shown(command)} is no command", "picluster run -- uptime")
    if len(command.encode()) > _LONGEST:
        raise refusal(f"the command has {len(command)} characters", f"at most {_LONGEST} bytes")
    run = f"timeout -k 5 {limits.seconds:g} sh -c {shlex.quote(command)}"
    keep = f"{{ head -c {limits.size + 1}; cat > /dev/null; }}"
    return f"{piped(run, keep)}; printf '\\n{_MARK} %s\\n' \"$s\""


def piped(run: str, through: str) -> str:
    """Words of a shell that pipe a command through another one, and keep its status in ``s``."""
    run = f"{{ {run} 2>&1 < /dev/null 3>&- 4>&-; echo $? >&3; }}"
    return f"exec 4>&1; s=$({{ {run} | {through} >&4 3>&-; }} 3>&1)"


def packed(script: str) -> str:
    """A script in letters no template engine looks into."""
    return base64.b64encode(script.encode()).decode()


def answer_of(board: str, state: str, data: Mapping[str, object], limits: Limits) -> Answer:
    """What a board's result says.

    Args:
        board: its name.
        state: ``ok``, ``failed`` or ``unreachable``, as Ansible has it.
        data: its result.
        limits: those of the script.
    """
    text = str(data.get("stdout") or "")
    end = _END.search(text)
    if state == "ok" and end is not None:
        output = text[: end.start()]
        kept = output.encode("utf-8", "surrogateescape")[: limits.size]
        cut = len(output.encode("utf-8", "surrogateescape")) > limits.size
        return Answer(board, int(end[1]), harmless(kept.decode("utf-8", "replace")), cut)
    why = reason_line(str(data.get("msg") or "it gave no answer"))
    return Answer(board, None, harmless(text[: limits.size]), why=why)


def reason_line(text: str) -> str:
    """A reason as others gave it, in one line: bounded, and what is not printable is escaped."""
    line = " ".join(text.split())
    return harmless(line if len(line) <= _REASON else f"{line[: _REASON - 1]}…")


def harmless(text: str) -> str:
    """Text from a board: what is not printable is escaped, but for line ends and tabs."""
    if text.isprintable():
        return text
    return "".join(
        char if char in "\n\t" or char.isprintable() else ascii(char)[1:-1] for char in text
    )
