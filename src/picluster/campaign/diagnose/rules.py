"""The rules: first match wins, so the particular stands before the general."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from picluster.campaign.diagnose.case import Case
from picluster.campaign.progress import Trouble
from picluster.campaign.stages import Stage

#: A healthy boot asks for start.elf up to six times: probes, with and without the serial's folder.
_FIRMWARE_HEALTHY = 6
#: Bits of ``get_throttled``: now, and since boot.
_UNDER_VOLTAGE = 0x1 | 0x10000
_TOO_HOT_NOW = 0x8


class Cure(StrEnum):
    """What a power cycle does about a cause."""

    LIKELY = "likely"  # a passing fault: most come up at the next try
    MAYBE = "maybe"
    NO = "no"  # somebody has to do something first


@dataclass(frozen=True, slots=True)
class Rule:
    """One cause.

    Attributes:
        key: its name, for tools.
        stages: where a board fails by it; empty for any.
        when: whether the case is one.
        cause: what happened, most likely; a clause.
        remedy: what to do.
        cure: what a power cycle does about it.
    """

    key: str
    stages: frozenset[Stage]
    when: Callable[[Case], bool]
    cause: str
    remedy: str
    cure: Cure

    def fits(self, case: Case) -> bool:
        """Whether the rule applies."""
        return (not self.stages or case.progress.stage in self.stages) and self.when(case)


def _always(_: Case) -> bool:
    return True


def _has(trouble: Trouble) -> Callable[[Case], bool]:
    return lambda case: case.has(trouble)


def _off(why: str) -> Callable[[Case], bool]:
    return lambda case: case.bank.off == why


def _own(*steps: str) -> Callable[[Case], bool]:
    return lambda case: case.has(Trouble.OWN_WORD) and case.progress.step in steps


def _hot(case: Case) -> bool:
    health = case.progress.health
    if (health.throttled or 0) & _TOO_HOT_NOW:
        return True
    return health.temperature is not None and health.temperature >= case.hard_temp_c


def _weak_supply(case: Case) -> bool:
    """Under-voltage seen, now or since its boot, and no heat that would explain it."""
    return bool((case.progress.health.throttled or 0) & _UNDER_VOLTAGE) and _fell(case)


def _fell(case: Case) -> bool:
    progress = case.progress
    return progress.stage is Stage.READY or progress.fell_from is Stage.READY


def _bank_silent(case: Case) -> bool:
    return case.bank.boards > 1 and case.bank.silent >= case.bank.boards


def _kernel_loaded(case: Case) -> bool:
    """Whether the last file was asked for: the kernel, after the search for an armstub."""
    names = {name.rpartition("/")[2] for name in case.progress.files}
    last = case.progress.last_file.rpartition("/")[2]
    return last.startswith("kernel") and any(name.startswith("armstub") for name in names)


def _bootcode_only(case: Case) -> bool:
    names = {name.rpartition("/")[2] for name in case.progress.files}
    return names <= {"bootcode.bin", "bootsig.bin"}


_R = Rule
_ANY: frozenset[Stage] = frozenset()


def _at(*stages: Stage) -> frozenset[Stage]:
    return frozenset(stages)


RULES: tuple[Rule, ...] = (
    _R(
        "no-power",
        _at(Stage.OFF),
        _off("pdu"),
        "its outlet could not be switched on ({trouble})",
        "see to the PDU, then run the campaign again",
        Cure.NO,
    ),
    _R(
        "shed",
        _at(Stage.OFF),
        _off("heat"),
        "its bank was switched off because of heat ({temperature})",
        "see to its air flow; boot it when the rack has cooled",
        Cure.NO,
    ),
    _R(
        "held-back",
        _at(Stage.OFF),
        _off("held"),
        "its bank got no power: {trouble}",
        "run the campaign again when that is over",
        Cure.NO,
    ),
    _R("off", _at(Stage.OFF), _always, "its outlet is off", "boot its bank", Cure.LIKELY),
    _R(
        "overheated",
        _ANY,
        _hot,
        "overheated ({temperature})",
        "let the bank cool, see to its air flow, lower max_banks_on",
        Cure.MAYBE,
    ),
    _R(
        "under-voltage",
        _ANY,
        _weak_supply,
        "its supply sags (throttled={throttled})",
        "check cable and port of the USB supply; fewer boards on one supply",
        Cure.MAYBE,
    ),
    _R(
        "strayed",
        _ANY,
        _has(Trouble.STRAYED),
        "it took the OFFER of another board ({peer}) and used its address",
        "cycle it; see that the DHCP server answers by unicast and the switches do not flood",
        Cure.LIKELY,
    ),
    _R(
        "address-taken",
        _ANY,
        lambda case: bool({Trouble.INTRUDED, Trouble.CONFLICT} & case.progress.troubles),
        "its address {address} is used by another board or device ({peer})",
        "find and remove the other one, then cycle this one",
        Cure.MAYBE,
    ),
    _R(
        "crashed",
        _at(Stage.READY),
        _always,
        "it was ready and fell silent: crashed, or lost its link",
        "cycle it; if it happens again, look at its temperature and supply",
        Cure.LIKELY,
    ),
    _R(
        "crashed-and-stuck",
        _ANY,
        _fell,
        "it was ready, began anew by itself and did not come back",
        "cycle it; if it happens again, look at its temperature and supply",
        Cure.LIKELY,
    ),
    _R(
        "panic",
        _at(Stage.TFTP, Stage.KERNEL, Stage.NFS),
        _has(Trouble.PANIC),
        "the kernel panicked ({reason})",
        "cycle it; if all boards do so, roll the image back",
        Cure.MAYBE,
    ),
    _R(
        "bank-silent",
        _at(Stage.POWERED),
        _bank_silent,
        "the whole bank is silent: unplugged, its supply or its switch is dead",
        "see whether its supply's and switch's lights are on; check both plugs and the uplink",
        Cure.NO,
    ),
    _R(
        "no-link",
        _at(Stage.POWERED),
        _has(Trouble.NO_LINK),
        "no link on its Ethernet port",
        "check cable and switch port{port}",
        Cure.MAYBE,
    ),
    _R(
        "no-discover",
        _at(Stage.POWERED),
        _always,
        "no DISCOVER: no power, no link, or its switch port{port} blocked by spanning tree",
        "look at the board's lights; make the port an edge port (portfast); cycle",
        Cure.LIKELY,
    ),
    _R(
        "no-lease",
        _at(Stage.DHCP),
        _has(Trouble.UNANSWERED),
        "the DHCP server has no address for {mac}",
        "pin the board (picluster harvest or replace), then run site.yml",
        Cure.NO,
    ),
    _R(
        "no-offer",
        _at(Stage.DHCP),
        lambda case: case.progress.offers == 0,
        "asked {discovers} and was never answered",
        "see whether the DHCP server runs; then cycle",
        Cure.LIKELY,
    ),
    _R(
        "refused-lease",
        _at(Stage.DHCP, Stage.TFTP, Stage.KERNEL),
        lambda case: bool({Trouble.NAK, Trouble.DECLINED} & case.progress.troubles),
        "the lease of {address} was refused or declined",
        "see what else has the address, and that only one DHCP server answers",
        Cure.MAYBE,
    ),
    _R(
        "offer-ignored",
        _at(Stage.DHCP),
        _always,
        "asked {discovers}, was answered, then silent: the boot ROM gave up",
        "cycle it",
        Cure.LIKELY,
    ),
    _R(
        "file-missing",
        _at(Stage.TFTP),
        _has(Trouble.MISSING),
        "{reason} is not on the TFTP server",
        "run the image or boot_files role; check images/current",
        Cure.NO,
    ),
    _R(
        "start-elf-again",
        _at(Stage.TFTP),
        lambda case: case.progress.firmware > _FIRMWARE_HEALTHY,
        "asked for start.elf again and again ({firmware}): the firmware does not start",
        "cycle it; if it stays, check the file's checksum and replace the board",
        Cure.LIKELY,
    ),
    _R(
        "bootcode-only",
        _at(Stage.TFTP),
        _bootcode_only,
        "loaded bootcode.bin and went silent",
        "cycle it",
        Cure.LIKELY,
    ),
    _R(
        "kernel-silent",
        _at(Stage.TFTP),
        _kernel_loaded,
        "loaded the kernel, which never asked for an address: it panicked or has no network driver",
        "cycle it; if all boards do so, roll the image back",
        Cure.LIKELY,
    ),
    _R(
        "tftp-stalled",
        _at(Stage.TFTP),
        _always,
        "TFTP stalled at {file}",
        "cycle it; check its cable, and flow control of the switch port{port}",
        Cure.LIKELY,
    ),
    _R(
        "mount-refused",
        _at(Stage.KERNEL, Stage.NFS),
        _has(Trouble.MOUNT_REFUSED),
        "the NFS server refused the mount ({reason})",
        "see that the export names the boot network: run site.yml",
        Cure.NO,
    ),
    _R(
        "nfs-failed",
        _at(Stage.KERNEL, Stage.NFS),
        _own("nfs"),
        "it could not mount its root: {reason}",
        "see whether the NFS server answers; then cycle",
        Cure.LIKELY,
    ),
    _R(
        "network-failed",
        _at(Stage.KERNEL),
        _own("network", "dhcp"),
        "Linux got no network: {reason}",
        "cycle it; if all boards do so, the image lacks the driver",
        Cure.MAYBE,
    ),
    _R(
        "root-failed",
        _at(Stage.KERNEL, Stage.NFS),
        _own("overlay", "init"),
        "the root file system could not be put together: {reason}",
        "roll the image back",
        Cure.NO,
    ),
    _R(
        "no-nfs",
        _at(Stage.KERNEL),
        _always,
        "Linux runs but did not mount its root: the NFS server did not answer",
        "see whether the NFS server answers from the boot network; then cycle",
        Cure.LIKELY,
    ),
    _R(
        "nfs-silent",
        _at(Stage.NFS),
        _has(Trouble.NFS_SILENT),
        "its root is mounted and the NFS server stopped answering",
        "check load and link of the boot server, and flow control of the switch port{port}",
        Cure.LIKELY,
    ),
    _R(
        "not-up",
        _at(Stage.NFS),
        _always,
        "its root is mounted but the system did not come up",
        "cycle it; if it stays, read its console",
        Cure.LIKELY,
    ),
    _R(
        "no-ready",
        _at(Stage.UP),
        _always,
        "the system runs but did not say that it is ready",
        "log in and look at picluster-ready.service; then cycle",
        Cure.MAYBE,
    ),
    _R("unknown", _ANY, _always, "stopped at {stage}", "cycle it", Cure.MAYBE),
)
