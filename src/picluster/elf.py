"""What a program is built for, from the first bytes of its file.

The header is that of the System V ABI, chapter 4: ``e_ident`` in 16 bytes, then ``e_type`` and
``e_machine`` of two bytes each in the byte order that ``e_ident`` names.
"""

from __future__ import annotations

import struct
from pathlib import Path

from picluster.errors import os_errors, refusal

_MAGIC = b"\x7fELF"
_MACHINES = {3: "i386", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64"}
_ORDERS = {1: "<", 2: ">"}


def machine_of(path: Path) -> str:
    """Architecture of a program, by Debian's name; a number where that is not known.

    Raises:
        PiclusterError: the file cannot be read, or is no ELF file.
    """
    with os_errors("read the program", path), path.open("rb") as file:
        head = file.read(20)
    if len(head) < 20 or head[:4] != _MAGIC or head[5] not in _ORDERS:
        raise refusal("is no program: it has no ELF header", "name the right file", file=path)
    (number,) = struct.unpack_from(_ORDERS[head[5]] + "H", head, 18)
    return _MACHINES.get(number, str(number))
