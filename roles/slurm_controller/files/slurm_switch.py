#!/usr/bin/python3
"""Switch banks for Slurm: one line on standard input, one answer on standard output.

``slurm_switch.py BANKS PICLUSTER DESCRIPTION``: BANKS is the numbers of those that may be switched,
with commas between. The line is ``on bank_11 bank_12`` or ``off bank_11``; the answer ``ok``, or
why not. Without a terminal and ``--yes``, ``picluster power`` cuts no more than it is told to.
"""

from __future__ import annotations

import re
import subprocess
import sys

_LINE = re.compile(r"(on|off)((?: bank_[0-9]{1,5}){1,1000})\n", re.ASCII)
_LIMIT = 16_000
_SWITCH_S = 880


def answer(line: str, banks: frozenset[str], program: str, description: str) -> str:
    """Do what a line asks for; what to say to it.

    Args:
        line: as read, with its newline.
        banks: numbers of the banks that may be switched.
        program: the command ``picluster``.
        description: the cluster's description.
    """
    asked = _LINE.fullmatch(line)
    if asked is None:
        return "refused: not 'on' or 'off' and banks"
    names = asked[2].split()
    strangers = [name for name in names if name.removeprefix("bank_") not in banks]
    if strangers:
        return f"refused: {strangers[0]} is not Slurm's to switch"
    try:
        done = subprocess.run(
            [program, "power", asked[1], "-i", description, *names],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=_SWITCH_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"failed: {error}"
    if done.returncode == 0:
        return "ok"
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    print(f"power {asked[1]}{asked[2]}: {said}", file=sys.stderr)
    return f"failed: {said[-1] if said else done.returncode}"


def main(words: list[str]) -> int:
    """Answer the one line."""
    text = answer(sys.stdin.readline(_LIMIT), frozenset(words[0].split(",")), *words[1:])
    print(text.encode("ascii", "replace").decode("ascii"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
