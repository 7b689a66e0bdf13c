"""The serial in DHCP option 97 of a boot ROM.

The option holds a type byte 0 and the 32-bit serial four times, least significant byte first.
The first stage of a 3B sends 0x44444444 instead, the same on every board.
"""

from __future__ import annotations

from collections.abc import Sequence

from picluster.mac import SERIAL_OUI, MacAddress, oui, serial_fits

_ROM_GUID = "44444444"


def serial_in(option: Sequence[int], mac: MacAddress) -> str:
    """Give the serial of a board.

    Args:
        option: the bytes of the option, 17, or the first 13 to 16 of them where the tool cuts.
        mac: the board's address, to check the serial against.

    Returns:
        8 hex digits.

    Raises:
        ValueError: there is no serial in it, or not this board's; the message says why.
    """
    printed = ":".join(f"{byte:02x}" for byte in option)
    serial = bytes(option[4:0:-1]).hex()
    repeats = bytes(option[1:])
    if not 13 <= len(option) <= 17 or option[0] != 0:
        raise ValueError(f"option 97 of {mac} is not type 0 and 16 bytes: {printed}")
    if repeats != (repeats[:4] * 4)[: len(repeats)]:
        raise ValueError(f"option 97 of {mac} is not four times one serial: {printed}")
    if serial == _ROM_GUID:
        raise ValueError(f"option 97 of {mac} is the boot ROM's {_ROM_GUID}: no serial")
    if not serial_fits(mac, serial):
        raise ValueError(f"option 97 of {mac} holds serial {serial}, not this board's")
    return serial


def fits_surely(mac: MacAddress, serial: str) -> bool:
    """Whether the low 24 bits prove that serial and address are of one board."""
    return oui(mac) == SERIAL_OUI and serial_fits(mac, serial)
