import pytest

from tests.unit.node.shells import Place

NODE = {
    "MAC": "b8:27:eb:12:34:56",
    "IMAGE": "debian-12-0123456789",
    "BOOT_ID": "0123456789abcdef",
    "SYSLOGD": "1",
}
PREFIX = (
    "picluster/1 {} mac=b8:27:eb:12:34:56 image=debian-12-0123456789 boot=0123456789abcdef up=12.3"
)


@pytest.fixture(autouse=True)
def programs(place: Place) -> None:
    for name in ("reboot", "sleep", "logger", "sync", "setsid"):
        place.program(name)


def test_a_message_is_what_the_head_reads(place: Place) -> None:
    place.init("message kernel", **NODE)
    assert place.called() == [f"logger -t picluster {PREFIX.format('kernel')}"]


def test_the_longest_message_fits_a_datagram(place: Place) -> None:
    variables = {**NODE, "IMAGE": "i" * 63}
    place.uptime.write_text("9999999.99 1\n")
    script = 'message failed step=network "reason=$(encoded "$TEXT")"'
    place.init(script, TEXT="%" * 300, **variables)
    (call,) = place.called()
    prefix = len("<13>Nov 25 18:00:00 picluster: ")
    assert len(call.removeprefix("logger -t picluster ")) + prefix <= 512


def test_a_failure_is_told_and_followed_by_a_reboot(place: Place) -> None:
    place.init('fail nfs "no such image"; echo alive', **NODE)
    assert place.console.read_text().splitlines() == [
        "<4>picluster: FAILED at step nfs: no such image",
        "<4>picluster: rebooting in 60 s (picluster.panic=SECONDS; 0 for a shell)",
    ]
    assert place.called()[:4] == [
        f"logger -t picluster {PREFIX.format('failed')} step=nfs reason=no%20such%20image",
        "sleep 60",
        "sync ",
        "reboot -f",
    ]
    assert (place.path / "sysrq").read_text() == "b\n"


def test_the_time_before_the_reboot_is_settable(place: Place) -> None:
    place.boot_with("picluster.panic=5")
    place.init("fail dhcp none", **NODE)
    assert place.called()[1] == "sleep 5"


def test_without_a_reboot_there_is_a_shell(place: Place) -> None:
    place.boot_with("picluster.panic=0")
    place.init("fail dhcp none", **NODE)
    assert place.called()[1] == "setsid cttyhack sh"
    assert "a shell on the console" in place.console.read_text()


def test_a_failure_before_the_network_is_told_to_nobody(place: Place) -> None:
    place.init('fail network "no device"')
    assert place.called()[0] == "sleep 60"


@pytest.mark.parametrize(
    ("steps", "shell"), [("", False), ("nfs", True), ("overlay,nfs", True), ("nfsd", False)]
)
def test_a_break_stops_before_its_step(place: Place, steps: str, *, shell: bool) -> None:
    place.boot_with(f"picluster.break={steps}")
    place.init("pause nfs")
    assert place.called() == (["setsid cttyhack sh"] if shell else [])
