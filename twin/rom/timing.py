"""When a boot ROM does what: every waiting time of the simulated board, in one table.

Known and assumed values, with their source:

============================  ======  =======================================================
what                          value   source
============================  ======  =======================================================
first DISCOVER of the ROM     18 s    raspberrypi/firmware #1081 (3B+, stop watch)
tries of the ROM              4       #1081: exactly 4, the last one 33 s after power-on
time between tries            5 s     follows from both
first DISCOVER of bootcode    0.1 s   a dnsmasq log of a 3B+ (after bootcode.bin was sent)
tries of bootcode             5       #934: "transmitted 5 times then fails"
time between these            5 s     assumed
TFTP time-out, ROM, bootcode  1 s     #859: the next request follows after 1.000 s
TFTP time-out, start.elf      2 s     assumed: as seen with a Pi 4 (rpi-eeprom #74)
TFTP tries                    5       assumed
ARP time-out, tries           1 s, 3  assumed; without an answer the board asks nobody (#975)
============================  ======  =======================================================
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Waiting times of a board, in seconds of its own clock, and numbers of tries.

    Attributes:
        discover_first_s: from power-on to the ROM's first DISCOVER.
        discover_interval_s: between tries, and after the last one until the board gives up.
        discover_tries: DISCOVERs before the board is silent until its power is cycled.
        second_first_s: from the end of the ROM's files to bootcode.bin's first DISCOVER.
        second_interval_s: between tries of bootcode.bin.
        second_tries: DISCOVERs of bootcode.bin.
        tftp_timeout_s: until an unanswered packet of the ROM or bootcode.bin is sent again.
        start_timeout_s: the same for start.elf.
        tftp_tries: times a packet is sent before the transfer is given up.
        arp_timeout_s: until an ARP request is sent again.
        arp_tries: ARP requests before the board gives up.
        speed: how much faster the board's clock runs than the wall's while it waits for power-on
            and between DISCOVERs; ARP and TFTP time-outs meet real servers and stay as they are.
    """

    discover_first_s: float = 18.0
    discover_interval_s: float = 5.0
    discover_tries: int = 4
    second_first_s: float = 0.1
    second_interval_s: float = 5.0
    second_tries: int = 5
    tftp_timeout_s: float = 1.0
    start_timeout_s: float = 2.0
    tftp_tries: int = 5
    arp_timeout_s: float = 1.0
    arp_tries: int = 3
    speed: float = 1.0

    def first_wait_s(self, *, second: bool) -> float:
        """Wall-clock seconds until the first DISCOVER of the ROM, or of bootcode.bin."""
        return (self.second_first_s if second else self.discover_first_s) / self.speed

    def next_wait_s(self, *, second: bool) -> float:
        """Wall-clock seconds after a DISCOVER until the next one, or until giving up."""
        return (self.second_interval_s if second else self.discover_interval_s) / self.speed

    def tries(self, *, second: bool) -> int:
        """DISCOVERs of the ROM, or of bootcode.bin."""
        return self.second_tries if second else self.discover_tries
