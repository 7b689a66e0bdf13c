"""What the journal of a boot server says of boards.

This file is run there by ``python3 -I -``; it uses the standard library only and knows nothing of
picluster. It reads one JSON object from its last argument: ``since`` as journalctl takes it,
``size`` in bytes for each board, and ``boards``, the words of each (name, address, MAC address). It
writes a JSON object with the last lines that hold one of these words, by board.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterable

#: A MAC address, an address, or a name.
_WORD = re.compile(
    r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|\d{1,3}(?:\.\d{1,3}){3}|[a-z0-9]+(?:-[a-z0-9]+)*",
    re.ASCII | re.IGNORECASE,
)
#: A line that is longer is cut.
_LONGEST = 2000


class Lines:
    """The last lines of a board, bounded.

    Args:
        size: characters that are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lines: deque[str] = deque()
        self._kept = 0

    def add(self, line: str) -> None:
        """Take a line; the oldest go."""
        self._lines.append(line)
        self._kept += len(line) + 1
        while self._kept > self._size and len(self._lines) > 1:
            self._kept -= len(self._lines.popleft()) + 1

    def text(self) -> str:
        """All of them."""
        return "".join(f"{line}\n" for line in self._lines)


def sort(lines: Iterable[str], boards: dict[str, list[str]], size: int) -> dict[str, str]:
    """Lines by the board they speak of."""
    owner = {word.lower(): board for board, words in boards.items() for word in words}
    found = {board: Lines(size) for board in boards}
    for raw in lines:
        line = raw.rstrip("\n")[:_LONGEST]
        for board in {owner[w] for w in map(str.lower, _WORD.findall(line)) if w in owner}:
            found[board].add(line)
    return {board: kept.text() for board, kept in found.items()}


def main(text: str) -> dict[str, str]:
    """Read the journal once."""
    order = json.loads(text)
    words = ["journalctl", "--no-pager", "--quiet", "-o", "short-iso", f"--since={order['since']}"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as journal:
        assert journal.stdout is not None  # noqa: S101 - it is a pipe
        return sort(journal.stdout, order["boards"], int(order["size"]))


if __name__ == "__main__":
    json.dump(main(sys.argv[-1]), sys.stdout)
