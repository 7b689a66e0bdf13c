"""Each failed board gets its stage, cause and remedy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from campaigning import BOOT, boot_events, event, folded, small_fleet

from picluster.campaign.diagnose import RULES, BankFacts, Case, Cure, diagnose
from picluster.campaign.events import Event, Health, Sign
from picluster.campaign.progress import Progress
from picluster.campaign.stages import Stage

FLEET = small_fleet()
BOARD = replace(FLEET.boards[0], switch="sw-1", port="7")
BANK = BankFacts(boards=42, silent=1, ready=41)
ON = event(0.0, Sign.POWER_ON)
GIVEN_UP = event(200.0, Sign.GIVEN_UP)


def after(*events: Event) -> Progress:
    return folded([*events, GIVEN_UP])


def told(step: str, reason: str = "no answer") -> Event:
    return Event(60.0, "pi-1-1", Sign.FAILED, step, BOOT, reason=reason)


def healthy(sign: Sign, *more: Event) -> Progress:
    return after(*boot_events(sign), *more)


def ill(temperature: float | None, bits: int | None) -> Event:
    health = Health(temperature, bits)
    return Event(100.0, "pi-1-1", Sign.ALIVE, "", BOOT, health)


STRAYED = Event(19.0, "pi-1-1", Sign.STRAYED, "pi-1-2")
INTRUDED = Event(19.0, "pi-1-1", Sign.INTRUDED, "pi-1-2")
AGAIN = [event(20.0 + n, Sign.FILE, "start_cd.elf") for n in range(9)]
REFUSED = Event(36.0, "pi-1-1", Sign.MOUNT_REFUSED, reason="unmatched host")
RESTART = event(120.0, Sign.FILE, "bootcode.bin")
UP_TO_FILES = boot_events(Sign.DISCOVER)

CASES: dict[str, Case] = {
    "no-power": Case(BOARD, Progress(), BankFacts(off="pdu", trouble="pdu-1 does not answer")),
    "shed": Case(BOARD, folded([*boot_events(), ill(84.0, 0), event(300.0, Sign.POWER_OFF)]),
                 BankFacts(42, off="heat")),
    "held-back": Case(BOARD, Progress(), BankFacts(42, off="held", trouble="max_banks_on is 3")),
    "off": Case(BOARD, Progress(), BankFacts(42, 42, 0, powered=False)),
    "overheated": Case(BOARD, healthy(Sign.READY, ill(84.0, 0xE0008)), BANK),
    "under-voltage": Case(BOARD, healthy(Sign.READY, ill(40.0, 0x50005)), BANK),
    "strayed": Case(BOARD, after(*UP_TO_FILES, STRAYED), BANK),
    "address-taken": Case(BOARD, after(*UP_TO_FILES, INTRUDED), BANK),
    "crashed": Case(BOARD, healthy(Sign.READY), BANK),
    "crashed-and-stuck": Case(BOARD, healthy(Sign.READY, RESTART), BANK),
    "panic": Case(BOARD, healthy(Sign.REQUEST, event(35.0, Sign.PANIC, "Attempted to kill init")),
                  BANK),
    "bank-silent": Case(BOARD, after(ON), BankFacts(42, 42)),
    "no-link": Case(BOARD, after(ON, event(10.0, Sign.NO_LINK)), BANK),
    "no-discover": Case(BOARD, after(ON), BANK),
    "no-lease": Case(BOARD, after(ON, event(18.0, Sign.UNANSWERED)), BANK),
    "no-offer": Case(BOARD, after(ON, *[event(18.0 + n, Sign.DISCOVER) for n in (0, 5, 10, 15)]),
                     BANK),
    "refused-lease": Case(BOARD, after(*UP_TO_FILES, event(18.1, Sign.OFFER),
                                       event(19.0, Sign.NAK)), BANK),
    "offer-ignored": Case(BOARD, after(*UP_TO_FILES, event(18.1, Sign.OFFER)), BANK),
    "file-missing": Case(BOARD, healthy(Sign.FILE, event(19.0, Sign.MISSING, "kernel8.img")), BANK),
    "start-elf-again": Case(BOARD, healthy(Sign.FILE, *AGAIN), BANK),
    "bootcode-only": Case(BOARD, healthy(Sign.FILE), BANK),
    "kernel-silent": Case(BOARD, after(*boot_events()[:12]), BANK),
    "tftp-stalled": Case(BOARD, after(*boot_events()[:10]), BANK),
    "mount-refused": Case(BOARD, healthy(Sign.KERNEL, REFUSED), BANK),
    "nfs-failed": Case(BOARD, healthy(Sign.KERNEL, told("nfs")), BANK),
    "network-failed": Case(BOARD, healthy(Sign.REQUEST, told("network")), BANK),
    "root-failed": Case(BOARD, healthy(Sign.ROOT, told("overlay", "no space")), BANK),
    "no-nfs": Case(BOARD, healthy(Sign.KERNEL), BANK),
    "nfs-silent": Case(BOARD, healthy(Sign.ROOT, event(60.0, Sign.NFS_SILENT)), BANK),
    "not-up": Case(BOARD, healthy(Sign.ROOT), BANK),
    "no-ready": Case(BOARD, healthy(Sign.KEYS), BANK),
}  # fmt: skip


@pytest.mark.parametrize("key", CASES)
def test_the_rule_of_each_cause(key: str) -> None:
    found = diagnose(CASES[key])
    assert found.key == key
    assert found.stage is CASES[key].progress.stage
    assert found.board == "pi-1-1"
    for text in (found.cause, found.remedy, *found.evidence):
        assert text
        assert "{" not in text
        assert "()" not in text


def test_every_rule_has_a_case() -> None:
    assert {rule.key for rule in RULES} == {*CASES, "unknown"}


CAUSES = {
    "no-discover": "no DISCOVER: no power, no link, or its switch port 7 of sw-1 blocked by "
    "spanning tree",
    "offer-ignored": "asked once, was answered, then silent: the boot ROM gave up",
    "start-elf-again": "asked for start.elf again and again (9 times): the firmware does not start",
    "strayed": "it took the OFFER of another board (pi-1-2) and used its address",
    "no-power": "its outlet could not be switched on (pdu-1 does not answer)",
    "nfs-failed": "it could not mount its root: no answer",
    "shed": "its bank was switched off because of heat (84.0 °C)",
    "held-back": "its bank got no power: max_banks_on is 3",
    "overheated": "overheated (84.0 °C)",
    "file-missing": "kernel8.img is not on the TFTP server",
}


@pytest.mark.parametrize("key", CAUSES)
def test_causes_in_words(key: str) -> None:
    assert diagnose(CASES[key]).cause == CAUSES[key]


def test_a_start_elf_asked_for_three_times_is_healthy() -> None:
    boot = boot_events()[:10]
    assert diagnose(Case(BOARD, after(*boot, *AGAIN[:2]), BANK)).key == "tftp-stalled"


def test_a_bank_of_one_is_not_called_silent() -> None:
    assert diagnose(Case(BOARD, after(ON), BankFacts(1, 1))).key == "no-discover"


def test_not_responding_and_then_ok_is_no_trouble() -> None:
    progress = healthy(Sign.ROOT, event(60.0, Sign.NFS_SILENT), event(61.0, Sign.NFS_BACK))
    assert diagnose(Case(BOARD, progress, BANK)).key == "not-up"


def test_under_voltage_alone_does_not_explain_a_board_that_never_was_ready() -> None:
    health = Event(40.0, "pi-1-1", Sign.ROOT, "", BOOT, Health(40.0, 0x50005))
    assert diagnose(Case(BOARD, healthy(Sign.MOUNT, health), BANK)).key == "not-up"


def test_absence_is_evidence() -> None:
    found = diagnose(CASES["no-discover"])
    assert found.evidence == (
        "no line of b8:27:eb:00:01:01 (172.20.1.1) since power-on; "
        "41 of 42 boards of its bank were heard",
    )
    lines = ("08:00:18 dhcpd: DHCPDISCOVER from b8:27:eb:00:01:01 via eth1",)
    assert diagnose(CASES["no-offer"], lines).evidence == lines


def test_what_only_a_person_can_mend_is_not_cycled() -> None:
    keys = {rule.key for rule in RULES if rule.cure is Cure.NO}
    assert {"no-power", "no-lease", "file-missing", "mount-refused", "bank-silent"} <= keys


def test_stages_of_the_table_exist() -> None:
    assert all(stage in Stage for rule in RULES for stage in rule.stages)
