"""What the one reader makes of the logs of a boot server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest
from campaigning import BOOT, folded, small_fleet
from hypothesis import given, settings
from hypothesis import strategies as st

from picluster.campaign.events import Alarm, AlarmKind, Event, Sign
from picluster.campaign.fleet import Board, Fleet
from picluster.campaign.stages import Stage
from picluster.campaign.watch.joiner import Joiner
from picluster.campaign.watch.reader import LogReader
from picluster.campaign.watch.timeline import Timeline
from picluster.mac import MacAddress

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
WALL = NOW.timestamp()
MAC, OTHER = "b8:27:eb:00:01:01", "b8:27:eb:00:01:02"
UNIT = {
    "dhcpd": "isc-dhcp-server.service",
    "in.tftpd": "tftpd-hpa.service",
    "rpc.mountd": "nfs-mountd.service",
    "picluster-messages": "picluster-messages.service",
}


class StandingClock:
    """A clock that somebody else moves."""

    def __init__(self, now: float = 1000.0) -> None:
        self.seconds, self.offset = now, WALL - now

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds + self.offset

    def boot(self) -> str:
        return "run-1"


def reader(fleet: Fleet | None = None, times: Timeline | None = None) -> LogReader:
    return LogReader(Joiner(fleet or small_fleet()), times or Timeline(StandingClock()), NOW)


def read(*lines: str, fleet: Fleet | None = None) -> list[Event | Alarm]:
    one = reader(fleet)
    return [found for line in lines for found in one.text(line)]


def syslog(program: str, message: str) -> str:
    return f"Jan  5 07:59:00 head {program}[812]: {message}"


def signs(found: Iterable[Event | Alarm]) -> list[tuple[str, Sign, str]]:
    return [(one.board, one.sign, one.detail) for one in found if isinstance(one, Event)]


def alarms(found: Iterable[Event | Alarm]) -> list[AlarmKind]:
    return [one.kind for one in found if isinstance(one, Alarm)]


# ---- what each daemon says

LINES = [
    ("dhcpd", f"DHCPDISCOVER from {MAC} via eth1", Sign.DISCOVER, ""),
    ("dhcpd", f"DHCPOFFER on 172.20.1.1 to {MAC} via eth1", Sign.OFFER, ""),
    ("dhcpd", f"DHCPOFFER on 172.20.1.1 to {MAC} (pi-1-1) via eth1", Sign.OFFER, ""),
    ("dhcpd", f"DHCPREQUEST for 172.20.1.1 (172.20.0.10) from {MAC} via eth1", Sign.REQUEST, ""),
    ("dhcpd", f"DHCPACK on 172.20.1.1 to {MAC} via eth1", Sign.ACK, ""),
    ("dhcpd", f"DHCPNAK on 172.20.1.1 to {MAC} via eth1", Sign.NAK, ""),
    ("dhcpd", f"DHCPDISCOVER from {MAC} via eth1: network 172.20.0.0/16: no free leases",
     Sign.UNANSWERED, ""),
    ("dhcpd", f"DHCPDISCOVER from {MAC} via eth1: unknown client", Sign.UNANSWERED, ""),
    ("in.tftpd", "RRQ from 172.20.1.1 filename bootcode.bin", Sign.FILE, "bootcode.bin"),
    ("in.tftpd", "RRQ from ::ffff:172.20.1.1 filename config.txt", Sign.FILE, "config.txt"),
    ("in.tftpd", "RRQ from 172.20.1.1 filename kernel8.img remapped to nodes/x/kernel8.img",
     Sign.FILE, "kernel8.img"),
    ("in.tftpd", "RRQ from 172.20.1.1 filename 00000101/start.elf", Sign.FILE,
     "00000101/start.elf"),
    ("atftpd", "Serving overlays/overlay_map.dtb to 172.20.1.1:49153", Sign.FILE,
     "overlay_map.dtb"),
    ("dnsmasq-tftp", "sent /srv/tftp/start.elf to 172.20.1.1", Sign.FILE, "start.elf"),
    ("dnsmasq-tftp", "failed sending /srv/tftp/start.elf to 172.20.1.1", Sign.FILE, "start.elf"),
    ("dnsmasq-tftp", "file /srv/tftp/kernel8.img not found for 172.20.1.1", Sign.MISSING,
     "kernel8.img"),
    ("dnsmasq-tftp", "/srv/tftp/bootcode.bin an 172.20.1.1 verschickt", Sign.FILE, "bootcode.bin"),
    ("rpc.mountd", "authenticated mount request from 172.20.1.1:733 for /srv/x (/srv)", Sign.MOUNT,
     ""),
    ("rpc.mountd", 'v4.2 client attached: 0x5c4f9d1e6a from "172.20.1.1:733"', Sign.MOUNT, ""),
    ("rpc.mountd", "refused mount request from 172.20.1.1 for /x (/): unmatched host",
     Sign.MOUNT_REFUSED, ""),
    ("picluster-messages", f"node pi-1-1 172.20.1.1 kernel mac={MAC} boot={BOOT} up=4.0",
     Sign.KERNEL, ""),
    ("picluster-messages", f"node pi-1-1 172.20.1.1 failed mac={MAC} boot={BOOT} step=nfs",
     Sign.FAILED, "nfs"),
    ("picluster-authority", f"certificate pi-1-1 172.20.1.1 mac={MAC} serial=7 key=SHA256:x",
     Sign.KEYS, ""),
]  # fmt: skip


@pytest.mark.parametrize(("program", "message", "sign", "detail"), LINES)
def test_a_line_of_each_daemon(program: str, message: str, sign: Sign, detail: str) -> None:
    found = read(syslog(program, message))
    assert signs(found) == [("pi-1-1", sign, detail)]
    assert alarms(found) == []


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-05T07:59:00.500000+00:00 head dhcpd[8]: {}",
        "2026-01-05T08:59:00.500000+01:00 head dhcpd[8]: {}",
        "Jan 05 07:59:00 head dhcpd[8]: {}",
        "Jan  5 07:59:00 dhcpd: {}",
        "<30>1 2026-01-05T07:59:00.5Z head dhcpd 8 - - {}",
    ],
)
def test_every_header(line: str) -> None:
    (found,) = read(line.format(f"DHCPDISCOVER from {MAC} via eth1"))
    assert isinstance(found, Event)
    assert 939.9 <= found.at <= 941  # a minute before now, which is second 1000


def test_kea_and_ganesha_have_logs_of_their_own() -> None:
    kea = (
        "2026-01-05 07:59:00.069 INFO  [kea-dhcp4.leases/5.1] DHCP4_LEASE_OFFER "
        f"[hwtype=1 {MAC}], cid=[no info], tid=0x26f30339: lease 172.20.1.1 will be offered"
    )
    ganesha = (
        "05/01/2026 07:59:00 : epoch 695b6b1c : head : ganesha.nfsd-77[svc_4] mnt_Mnt :NFS3 :DEBUG "
        ":MOUNT: Entry supports 2 different flavours handle=x for client ::ffff:172.20.1.1"
    )
    refused = ganesha.partition(" mnt_Mnt")[0] + (
        " nfs_rpc_process_request :DISP :INFO :Client ::ffff:172.20.1.1 is not allowed to access "
        "Export_Id 1 /srv, vers=3, proc=0"
    )
    assert [sign for _, sign, _ in signs(read(kea, ganesha, refused))] == [
        Sign.OFFER,
        Sign.MOUNT,
        Sign.MOUNT_REFUSED,
    ]


def test_a_line_for_the_harvest_is_neither_a_sign_nor_refused() -> None:
    one = reader()
    for guid in ("44:44:44:44", "1:0:0:0"):
        line = f"picluster option-97 {MAC} 0:{':'.join([guid] * 4)}"
        assert list(one.text(syslog("dhcpd", line))) == []
    assert one.refused.total() == 0


def test_a_refused_file_is_joined_to_its_request_by_process() -> None:
    found = read(
        "Jan  5 07:59:00 head in.tftpd[5]: RRQ from 172.20.1.1 filename kernel8.img",
        "Jan  5 07:59:00 head in.tftpd[6]: RRQ from 172.20.1.1 filename bootsig.bin",
        "Jan  5 07:59:00 head in.tftpd[5]: sending NAK (1, File not found) to 172.20.1.1",
        "Jan  5 07:59:00 head in.tftpd[7]: sending NAK (1, File not found) to 172.20.1.1",
    )
    assert signs(found)[2:] == [("pi-1-1", Sign.MISSING, "kernel8.img")]


def test_authenticated_and_then_denied_is_denied() -> None:
    found = read(
        syslog("rpc.mountd", "authenticated mount request from 172.20.1.1:9 for /x (/)"),
        syslog("rpc.mountd", "getfh failed: Operation not permitted"),
    )
    assert [sign for _, sign, _ in signs(found)] == [Sign.MOUNT, Sign.MOUNT_REFUSED]


def test_repeated_lines_are_counted_out() -> None:
    line = syslog("dhcpd", f"message repeated 3 times: [ DHCPDISCOVER from {MAC} via eth1]")
    assert signs(read(line)) == [("pi-1-1", Sign.DISCOVER, "")] * 3


def test_health_comes_with_messages() -> None:
    line = syslog(
        "picluster-messages",
        f"node pi-1-1 172.20.1.1 warning mac={MAC} image=v1 boot={BOOT} up=61.5 temp=63.9 "
        "throttled=0x50005 upper=91 step=overlay reason=upper%20layer%2091%20%25%20full",
    )
    (found,) = read(line)
    assert isinstance(found, Event)
    assert found.health is not None
    health = found.health
    assert (health.temperature, health.throttled, health.upper_percent, health.uptime_s) == (
        63.9,
        0x50005,
        91,
        61.5,
    )
    assert found.reason == "upper layer 91 % full"


# ---- who is not believed

FORGED = [
    # a host name, a path, another program: text from the network inside a line
    syslog("sshd", f"Invalid user x: dhcpd: DHCPACK on 172.20.1.1 to {MAC} via eth1"),
    syslog("in.tftpd", "WRQ from 172.20.1.1 filename RRQ from 172.20.1.2 filename bootcode.bin"),
    syslog("cron", "node pi-1-1 172.20.1.1 ready"),
    syslog("picluster-messages", f"said node pi-1-1 172.20.1.1 ready mac={MAC} boot={BOOT}"),
    syslog("picluster-messages", f"node pi-1-1 172.20.1.1 ready mac={MAC} boot=short"),
    syslog("picluster-messages", f"node pi-1-1 172.20.1.1 ruined mac={MAC} boot={BOOT}"),
    syslog("picluster-messages", f"node pi-1-2 172.20.1.1 ready mac={MAC} boot={BOOT}"),
    syslog("picluster-messages", f"node pi-1-1 172.20.1.999 ready mac={MAC} boot={BOOT}"),
]


@pytest.mark.parametrize("line", FORGED)
def test_forged_lines_are_nothing(line: str) -> None:
    assert signs(read(line)) == []


def test_ready_of_a_mac_that_does_not_own_the_address_is_refused_and_told() -> None:
    one = reader()
    line = f"node pi-1-1 172.20.1.1 ready mac={OTHER} boot={BOOT}"
    found = list(one.text(syslog("picluster-messages", line)))
    assert signs(found) == []
    assert alarms(found) == [AlarmKind.WRONG_BOARD]
    assert sum(one.refused.values()) == 1


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("172.20.1.200 unknown-address", AlarmKind.OFF_PLAN_ADDRESS),
        ("172.20.1.1 wrong-mac node=pi-1-1 mac=b8%3A27%3Aeb%3A00%3A01%3A02 event=ready",
         AlarmKind.WRONG_BOARD),
        ("172.20.1.1 too-many node=pi-1-1", None),
    ],
)  # fmt: skip
def test_what_the_head_refused_is_told(words: str, kind: AlarmKind | None) -> None:
    one = reader()
    found = list(one.text(syslog("picluster-messages", f"refused {words}")))
    assert alarms(found) == ([kind] if kind else [])
    assert sum(one.refused.values()) == 1


def test_a_host_name_cannot_speak_for_another_board() -> None:
    name = f"x) via eth1 DHCPACK on 172.20.1.2 to {OTHER} (y"
    found = read(syslog("dhcpd", f"DHCPDISCOVER from {MAC} ({name}) via eth1"))
    assert signs(found) == [("pi-1-1", Sign.DISCOVER, "")]


def test_evidence_is_printable_and_bounded() -> None:
    path = "\x1b[31m" + "x" * 5000
    (found,) = read(syslog("in.tftpd", f"RRQ from 172.20.1.1 filename {path}"))
    assert isinstance(found, Event)
    assert found.line.isprintable()
    assert len(found.line) < 300
    assert len(found.detail) <= 100


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from(sorted(UNIT)))
def test_no_text_breaks_the_reader(text: str, program: str) -> None:
    fleet = small_fleet()
    for line in (text, syslog(program, text), json.dumps({"MESSAGE": text})):
        for found in read(line, fleet=fleet):
            assert isinstance(found, Alarm) or found.board in fleet.by_name
        reader(fleet).journal(line)


# ---- what must not be


def test_a_lease_off_plan_is_an_alarm() -> None:
    found = read(syslog("dhcpd", f"DHCPOFFER on 172.20.1.7 to {MAC} via eth1"))
    assert (signs(found), alarms(found)) == ([], [AlarmKind.OFF_PLAN_LEASE])


def test_a_lease_for_a_stranger_is_an_alarm_and_its_question_none() -> None:
    one = reader()
    stranger = "b8:27:eb:99:99:99"
    asked = list(one.text(syslog("dhcpd", f"DHCPDISCOVER from {stranger} via eth1")))
    given_one = list(one.text(syslog("dhcpd", f"DHCPACK on 172.20.1.9 to {stranger} via eth1")))
    assert asked == []
    assert alarms(given_one) == [AlarmKind.OFF_PLAN_LEASE]
    assert one.strangers == {stranger: 2}


def test_an_address_off_plan_is_an_alarm_once_and_the_heads_own_is_none() -> None:
    found = read(
        *[syslog("in.tftpd", "RRQ from 172.20.1.200 filename bootcode.bin")] * 3,
        syslog("rpc.mountd", "authenticated mount request from 172.20.1.201:9 for /x (/)"),
        syslog("in.tftpd", "RRQ from 172.20.0.10 filename bootcode.bin"),
    )
    assert alarms(found) == [AlarmKind.OFF_PLAN_ADDRESS] * 2


def test_a_board_at_anothers_address_is_known_by_its_serial() -> None:
    found = read(
        syslog("in.tftpd", "RRQ from 172.20.1.2 filename 00000101/start.elf"),
        syslog("in.tftpd", "RRQ from 172.20.1.2 filename config.txt"),  # whose is this?
    )
    assert signs(found) == [
        ("pi-1-1", Sign.STRAYED, "pi-1-2"),
        ("pi-1-2", Sign.INTRUDED, "pi-1-1"),
    ]
    assert alarms(found) == [AlarmKind.WRONG_BOARD]


def test_an_address_that_answers_before_it_is_given_is_an_alarm() -> None:
    found = read(
        syslog("dhcpd", "Abandoning IP address 172.20.1.1: pinged before offer"),
        syslog("dhcpd", f"DHCPDECLINE of 172.20.1.2 from {OTHER} via eth1: not found"),
    )
    assert alarms(found) == [AlarmKind.ADDRESS_CONFLICT] * 2
    assert [sign for _, sign, _ in signs(found)] == [Sign.CONFLICT, Sign.DECLINE]


def test_another_dhcp_server_is_an_alarm() -> None:
    request = f"DHCPREQUEST for 172.20.1.1 (172.20.0.99) from {MAC} via eth1: unknown lease"
    assert alarms(read(syslog("dhcpd", request))) == [AlarmKind.FOREIGN_SERVER]


# ---- the journal


def entry(program: str, message: object, **fields: str) -> str:
    values = {
        "__CURSOR": "s=1;i=2",
        "__MONOTONIC_TIMESTAMP": "990000000",
        "__REALTIME_TIMESTAMP": str(int(WALL * 1e6)),
        "_BOOT_ID": "run-1",
        "SYSLOG_IDENTIFIER": program,
        "_SYSTEMD_UNIT": UNIT.get(program, "other.service"),
        "MESSAGE": message,
    }
    return json.dumps(values | fields)


def test_an_entry_of_the_journal_has_its_exact_time_and_cursor() -> None:
    found, cursor = reader().journal(entry("dhcpd", f"DHCPDISCOVER from {MAC} via eth1"))
    assert [(one.board, one.at) for one in found if isinstance(one, Event)] == [("pi-1-1", 990.0)]
    assert cursor == "s=1;i=2"


def tftp_line(unit: str, user: str) -> str:
    fields = {
        "SYSLOG_IDENTIFIER": "in.tftpd",
        "MESSAGE": "RRQ from 172.20.1.1 filename bootcode.bin",
        "_UID": user,
        **({"_SYSTEMD_UNIT": unit} if unit else {}),
    }
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("lines", "believed"),
    [
        ([("tftpd-hpa.service", "103"), ("", "103")], 2),
        ([("", "103"), ("tftpd-hpa.service", "103")], 1),  # nobody has vouched for 103 yet
        ([("tftpd-hpa.service", "103"), ("", "1000")], 1),
        ([("tftpd-hpa.service", "103"), ("", "")], 1),
        ([("tftpd-hpa.service", "103"), ("session-3.scope", "103")], 1),
        ([("tftpd-hpa.service", "0"), ("", "0")], 1),  # root may be anybody
    ],
)
def test_a_process_that_ended_before_journald_looked_is_known_by_its_user(
    lines: list[tuple[str, str]], believed: int
) -> None:
    one = reader()
    found = [event for unit, user in lines for event in one.journal(tftp_line(unit, user))[0]]
    assert len(found) == believed
    assert one.refused.total() == len(lines) - believed


def test_a_line_another_unit_wrote_is_refused_and_its_cursor_kept() -> None:
    one = reader()
    forged = entry("dhcpd", f"DHCPACK on 172.20.1.1 to {MAC} via eth1",
                   _SYSTEMD_UNIT="user@1000.service")  # fmt: skip
    assert one.journal(forged) == ([], "s=1;i=2")
    assert one.refused == {"line of another unit": 1}


def test_bytes_and_rubbish_in_the_journal() -> None:
    one = reader()
    message = list(f"DHCPDISCOVER from {MAC} (\xff) via eth1".encode("latin-1"))
    assert signs(one.journal(entry("dhcpd", message))[0]) == [("pi-1-1", Sign.DISCOVER, "")]
    for line in ("{", "[]", "null", '"x"', "", "{" * 5000):
        assert one.journal(line) == ([], "")
    assert one.refused == {"broken journal entry": 6}


# ---- state files


def state(**fields: object) -> str:
    values: dict[str, object] = {
        "address": "172.20.1.1", "name": "pi-1-1", "mac": MAC, "event": "alive", "image": "v1",
        "boot": BOOT, "uptime_s": 90.0, "temperature_c": 51.2, "throttled": "0x0",
        "upper_percent": 3, "received": WALL - 30, "step": None, "reason": None,
    }  # fmt: skip
    return json.dumps(values | fields)


def test_a_state_file_says_how_a_board_is() -> None:
    (found,) = reader().state(state(), "172.20.1.1")
    assert isinstance(found, Event)
    assert (found.board, found.sign, found.at, found.boot) == ("pi-1-1", Sign.ALIVE, 970.0, BOOT)
    assert found.health is not None
    assert found.health.temperature == 51.2


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", state(address="172.20.1.2"), state(event="reborn"), state(received=None),
        state(received=True), state(name=3), state(boot="x"), state(mac="no"), state(mac=OTHER),
        state(name="pi-1-2"),
    ],
)  # fmt: skip
def test_a_state_file_that_is_wrong_is_nothing(text: str) -> None:
    one = reader()
    assert signs(one.state(text, "172.20.1.1")) == []
    assert sum(one.refused.values()) == 1


# ---- time


def test_a_clock_that_is_set_moves_no_event() -> None:
    clock = StandingClock()
    times = Timeline(clock)
    one = reader(times=times)

    def at(second: int) -> float:
        # the daemon stamps with the clock of the moment, in whole seconds
        stamp = datetime.fromtimestamp(clock.wall() + second, UTC).strftime("%b %e %H:%M:%S")
        (found,) = one.text(f"{stamp} head dhcpd[8]: DHCPDISCOVER from {MAC} via eth1")
        return found.at - clock.now()

    assert at(0) == pytest.approx(0.0, abs=1)
    for jump in (-7200.0, 86400.0, -30.0):
        clock.seconds += 60
        clock.offset += jump
        assert at(0) == pytest.approx(0.0, abs=1)
        clock.seconds += 30
        assert at(-20) == pytest.approx(-20.0, abs=1)
    assert times.steps == 3


def test_a_line_from_before_the_clock_was_set_is_placed_by_the_old_setting() -> None:
    clock = StandingClock()
    times = Timeline(clock)
    one = reader(times=times)
    list(one.text("x"))
    before = datetime.fromtimestamp(clock.wall() + 59, UTC).strftime("%b %e %H:%M:%S")
    clock.seconds += 60
    times.note()
    clock.offset -= 7200
    clock.seconds += 2
    (found,) = one.text(f"{before} head dhcpd[8]: DHCPDISCOVER from {MAC} via eth1")
    assert found.at == pytest.approx(1059.0, abs=1)


def test_a_stamp_that_fits_nothing_is_taken_as_it_arrives() -> None:
    clock = StandingClock()
    times = Timeline(clock)
    one = reader(times=times)
    stamp = datetime.fromtimestamp(clock.wall() + 3600, UTC).strftime("%b %e %H:%M:%S")
    (found,) = one.text(f"{stamp} head dhcpd[8]: DHCPDISCOVER from {MAC} via eth1")
    assert found.at == 1000.0
    assert times.odd == 1


# ---- captured logs

CAPTURED: list[tuple[str, str, str, Stage]] = [
    ("tftp-logs/01-dnsmasq-iso-rpi3bplus-full-success.txt", "b8:27:eb:07:bc:c6", "10.1.1.2",
     Stage.NFS),
    ("tftp-logs/02-atftpd-iscdhcpd-rpi3b-kernel-stage.txt", "b8:27:eb:b1:14:9b", "192.168.10.100",
     Stage.TFTP),
    ("tftp-logs/05-tftpd-hpa-rpi3-wrong-serial-dir.txt", "b8:27:eb:7a:cd:98", "10.0.1.101",
     Stage.TFTP),
    ("dhcpd-logs/01-isc-journalctl-rpi3-renew.txt", "b8:27:eb:d3:22:e7", "192.168.192.12",
     Stage.KERNEL),
]  # fmt: skip


@pytest.mark.parametrize(("name", "mac", "address", "stage"), CAPTURED)
def test_stages_of_captured_boots(
    name: str, mac: str, address: str, stage: Stage, shared_data: Callable[[], object]
) -> None:
    board = Board("pi-1-1", 1, 1, address, MacAddress(mac))
    joiner = Joiner(Fleet("captured", (board,)))
    one = LogReader(joiner, Timeline(StandingClock()), datetime(2026, 11, 1, tzinfo=UTC))
    text = (shared_data / name).read_text(encoding="utf-8", errors="replace")  # type: ignore[operator]
    found = [event for line in text.splitlines() for event in one.text(line)]
    events = [one for one in found if isinstance(one, Event)]
    assert folded(events).stage is stage
    assert alarms(found) == []
