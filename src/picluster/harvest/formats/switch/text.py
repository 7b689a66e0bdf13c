"""Terminal captures as lines of text: control codes, pagers, quote marks and prompts taken off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from picluster.harvest.formats.base import Line

#: Longer lines are no row of any switch table.
MAX_LINE = 4096

#: Anything meant as a MAC address, malformed ones too: a row that holds one is never dropped.
MAC_LOOKING = re.compile(
    r"(?<![\w:.-])(?:[0-9a-z]{1,2}(?:[:-][0-9a-z]{1,2}){3,7}"
    r"|[0-9a-z]{4}[.:-][0-9a-z]{4}[.:-][0-9a-z]{1,4}"
    r"|[0-9a-z]{6}[:-][0-9a-f]{6}|(?:0x)?[0-9a-f]{12})(?![\w:])",
    re.IGNORECASE | re.ASCII,
)
#: A well-formed MAC address; eight octets are a VLAN and a MAC address.
MAC_SHAPED = re.compile(
    r"(?<![\w:.-])(?:[0-9a-f]{1,2}(?:(?::[0-9a-f]{1,2}){5}|(?:-[0-9a-f]{1,2}){5})"
    r"|(?:[0-9a-f]{2}:){7}[0-9a-f]{2}"
    r"|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{4}(?:[:-][0-9a-f]{4}){2}"
    r"|[0-9a-f]{6}[:-][0-9a-f]{6}|(?:0x)?[0-9a-f]{12})(?![\w:])",
    re.IGNORECASE | re.ASCII,
)
_CONTROL = re.compile(
    r"\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]"
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u200b]")
_QUOTE = re.compile(r"^\s{0,8}(?:> ?)*> ")
#: Cells between vertical lines: a header, a row or a ruler of such a table.
_CELLS = re.compile(r"\s*(?:[+|-]+[\s+|-]*|\|?(?:[^|]{1,64}\|){2,12}[^|]{0,64})")
_PAGER_WORD = re.compile(r"more|press|\[q quit", re.IGNORECASE)
_PAGER = re.compile(
    r"^\s*(?:"
    r"<?-+ ?\(?more(?: \d+%)?\)? ?-+>?(?: or \(q\)uit|, next page: space, next line: enter, "
    r"quit: control-c)?"
    r"|more: <space>, +quit: q or ctrl\+z, one (?:line|entry): <(?:return|cr)>"
    r"|-- \[q quit\|[^\]\n]{0,60}\]"
    r"|press (?:any key|<space>|space|enter)[^:\n]{0,60}?"
    r"(?:to continue(?: or <?q>? to quit| \(q to quit\))?|to quit):?"
    r")(?P<rest>.*)$",
    re.IGNORECASE,
)
_PROMPT_SIGN = re.compile(r"[#>$%\]]")
_PROMPT = re.compile(
    r"^\s{0,8}(?:\* )?(?:"
    r"\((?P<round>[\w .-]{1,64})\)(?: \([\w /.-]{1,40}\))? ?[#>]"  # FASTPATH: (name) #
    r"|\[(?:[\w.-]+@)?(?P<square>[\w .-]{1,64})\](?: ?/?[\w/ -]{0,40}>)?"  # RouterOS, Comware
    r"|<(?P<angle>[\w.-]{1,64})>"  # Comware, VRP
    r"|(?:(?P<user>[\w.-]{1,64})@)?(?P<plain>[A-Za-z0-9][\w.-]{0,63})"
    r"(?::[~/][\w/.~-]{0,80})?(?:\([\w ./-]{1,40}\))?(?P<gap> ?)[#>$%]"
    r")(?: ?(?P<command>/?[A-Za-z][^\n]*))?$",
    re.ASCII,
)
#: UniFi prompts carry the firmware after the name: ``name-US.6.5.59#``, or it alone.
_FIRMWARE = re.compile(r"(?:(?P<name>.+?)[-.])?[A-Z]{2,8}\d*\.?v?\d+\.\d+[\w.+-]*", re.ASCII)
#: EXOS counts commands: ``name.12 #``.
_COUNTED = re.compile(r"(?P<name>.+)\.\d+")
#: Names switches have before anybody gave them one.
_FACTORY = re.compile(
    r"switch|router|console|awplus|edgeswitch|mikrotik|hp|h3c|hpe|huawei|localhost|openwrt|ubnt"
    r"|sonic|sysname|os10|gs1900",
    re.IGNORECASE,
)
#: Commands that show another machine's table, or a file: the prompt is not the switch's.
_ELSEWHERE = re.compile(
    r"(?:sudo )?(?:ssh|sshpass|curl|cat|less|more|grep|snmp\w*|ansible|python3?)\b"
)
_SSH_HOST = re.compile(r"\bssh\b.{0,200}? [\w.-]{1,64}@(?P<host>[\w.-]{1,253})", re.ASCII)
#: Bare prompts and goodbyes close a capture: what stands before them came from that switch.
_CLOSING = frozenset(("", "exit", "quit", "logout", "end", "logoff"))
_WALK_HOST = re.compile(
    r"\bsnmp(?:bulk)?walk\b.{0,400}?\s(?:udp:)?(?P<host>(?:\d{1,3}\.){3}\d{1,3})(?::\d+)?(?:\s|$)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A command line of a captured session.

    Attributes:
        switch: the name in the prompt, or ``None`` when it is only a product or firmware name.
        command: what was typed, lower case, single blanks; empty for a bare prompt.
    """

    switch: str | None
    command: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line as a person saw it on the terminal.

    Attributes:
        number: 1-based line of the source.
        text: printable text, tabs expanded, no trailing blanks.
        prompt: set when the line is a command line.
        switch: the switch whose session the line belongs to, when a prompt tells.
    """

    number: int
    text: str
    prompt: Prompt | None = None
    switch: str | None = None


def clean(text: str) -> str:
    """What a terminal shows of a line: escapes, overstrikes, quote marks and pagers applied."""
    if "\x1b" in text:
        text = _CONTROL.sub("", text)
    if "\b" in text or "\r" in text:
        text = _overstrike(text)
    text = _UNPRINTABLE.sub("", text.replace("\xa0", " ")).expandtabs(8)
    text = _QUOTE.sub("", text)
    if (" | " in text or "-+-" in text) and _CELLS.fullmatch(text):
        text = _edged(text)
    if _PAGER_WORD.search(text) and (pager := _PAGER.match(text)):
        text = pager["rest"]
    return text.rstrip()


def _edged(text: str) -> str:
    """A row or ruler whose columns are parted by lines, with blanks in their place."""
    return text.replace("-+-", "- -").replace("|", " ").replace("+", " ")


def _overstrike(text: str) -> str:
    shown: list[str] = []
    column = 0
    for char in text.rstrip("\r"):
        if char == "\b":
            column = max(0, column - 1)
        elif char == "\r":
            column = 0
        else:
            shown[column : column + 1] = [char]
            column += 1
    return "".join(shown)


def read_prompt(text: str) -> Prompt | None:
    """Take a line as a command line, or ``None``."""
    match = _PROMPT.match(text) if _PROMPT_SIGN.search(text) else None
    if match is None:
        return None
    command = re.sub(r"\s+", " ", match["command"] or "").strip().lower()
    if match["square"] and not command and not text.rstrip().endswith((">", "]")):
        return None
    name = match["round"] or match["square"] or match["angle"] or match["plain"] or ""
    if not any(map(str.isalnum, name)):  # "[...]": an elision
        return None
    if remote := _WALK_HOST.search(command) or _SSH_HOST.search(command):
        return Prompt(remote["host"], command)
    if _ELSEWHERE.match(command):
        return Prompt(None, command)
    return Prompt(_hostname(name, counted=bool(match["gap"])), command)


def _hostname(name: str, *, counted: bool) -> str | None:
    name = name.strip()
    firmware = _FIRMWARE.fullmatch(name)
    if firmware:
        name = firmware["name"] or ""
    elif counted and (numbered := _COUNTED.fullmatch(name)):
        name = numbered["name"]
    if not name or " " in name or _FACTORY.fullmatch(name):
        return None
    return name


def read_rows(lines: Iterable[Line]) -> Iterator[Row]:
    """Clean every line and say whose session it belongs to.

    Lines before a first prompt that only closes the capture belong to it as well.
    Lines over ``MAX_LINE`` characters come out cut to it plus one, for :func:`too_long`.
    """
    waiting: list[Row] = []
    switch: str | None = None
    named = False
    for number, raw in lines:
        text = raw[: MAX_LINE + 1] if len(raw) > MAX_LINE else clean(raw)
        prompt = None if len(text) > MAX_LINE else _any_prompt(text)
        if prompt is not None:
            switch = prompt.switch
            if not named:
                named = True
                before = switch if prompt.command in _CLOSING else None
                for row in waiting:
                    yield Row(row.number, row.text, None, before)
                waiting.clear()
        row = Row(number, text, prompt, switch)
        if named:
            yield row
        else:
            waiting.append(row)
    yield from waiting


def _any_prompt(text: str) -> Prompt | None:
    prompt = read_prompt(text)
    if prompt is None and "walk" in text and (walked := _WALK_HOST.search(text)):
        return Prompt(walked["host"], text.lower())
    return prompt


def too_long(row: Row) -> bool:
    """Whether the line was over the limit and must not be parsed."""
    return len(row.text) > MAX_LINE


def normal(text: str) -> str:
    """Lower case, single blanks: what headers are compared in."""
    return " ".join(text.lower().split())
