"""Names of boards in short: ``pi-[11-12]-[1-42],pi-13-7``, as clush and nodeset read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = re.compile(r"(.*-)(\d{1,9})-(\d{1,9})", re.ASCII)


def folded(names: Iterable[str]) -> str:
    """The names, every one once: by bank and slot, banks with the same slots together.

    Args:
        names: ``pi-<bank>-<slot>``; others are given as they are, after these.
    """
    banks: dict[tuple[str, int], set[int]] = {}
    others: list[str] = []
    for name in dict.fromkeys(names):
        match = _NAME.fullmatch(name)
        if match is None or name != f"{match[1]}{int(match[2])}-{int(match[3])}":
            others.append(name)
        else:
            banks.setdefault((match[1], int(match[2])), set()).add(int(match[3]))
    alike: dict[tuple[str, frozenset[int]], list[int]] = {}
    for (prefix, bank), slots in sorted(banks.items()):
        alike.setdefault((prefix, frozenset(slots)), []).append(bank)
    parts = [f"{prefix}{_ranges(same)}-{_ranges(slots)}" for (prefix, slots), same in alike.items()]
    return ",".join([*parts, *others])


def _ranges(numbers: Iterable[int]) -> str:
    """``7``, ``[1-3,9]``."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    texts = [f"{first}" if first == last else f"{first}-{last}" for first, last in runs]
    return texts[0] if len(runs) == 1 and runs[0][0] == runs[0][1] else f"[{','.join(texts)}]"
