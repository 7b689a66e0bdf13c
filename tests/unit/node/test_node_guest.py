import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.node.shells import LIBEXEC, Place

MAC = "b8:27:eb:12:34:56"
BOOT = "SERVER=127.0.0.1\nMAC=b8:27:eb:12:34:56\nADDRESS=172.20.1.1\nBOOT_ID=0123456789abcdef\n"
PREFIX = f"picluster/1 {{}} mac={MAC} image=v1 boot=0123456789abcdef up=12.3"
Answer = Callable[[bytes], bytes | None]


@contextmanager
def head(answer: Answer = lambda _: None) -> Iterator[tuple[int, list[str]]]:
    """A head on a port of its own: gives the port, and what was said to it, as it comes."""
    said: list[str] = []
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                data, peer = listener.recvfrom(4096)
            except TimeoutError:
                continue
            said.append(data.decode())
            reply = answer(data)
            if reply is not None:
                listener.sendto(reply, peer)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.05)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], said
        finally:
            done.set()
            thread.join()


def settle(said: list[str], count: int) -> list[str]:
    """Wait until as many messages have come, and a little for one too many."""
    deadline = time.monotonic() + 5
    while len(said) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    return said


def run(place: Place, program: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the node with settings in node.conf."""
    (place.run_dir / "boot.conf").write_text(BOOT + "IMAGE=v1\nBDI=0:31\nNTP=\n")
    conf = place.path / "node.conf"
    conf.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return place.execute(
        [str(LIBEXEC / program)],
        PICLUSTER_CONF=str(conf),
        PICLUSTER_SYS=str(place.path / "sys"),
        PICLUSTER_CONSOLE=str(place.console),
    )


def ask(place: Place, function: str) -> str:
    """Run one function of node.sh."""
    script = f". {LIBEXEC}/node.sh; {function}"
    return place.execute(["bash", "-c", script], PICLUSTER_SYS=str(place.path / "sys")).stdout


def sensor(place: Place, path: str, value: str) -> None:
    file = place.path / "sys" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value)


def upper(place: Place, percent: int) -> None:
    """Make the overlay's upper layer look used."""
    (place.run_dir / "upper" / "data").mkdir(parents=True, exist_ok=True)
    place.program("stat", f"echo 1000 {1000 - percent * 10}")


@pytest.mark.parametrize(
    ("millidegrees", "shown"), [("45277", "45.2\n"), ("9999\n", "9.9\n"), ("broken", "")]
)
def test_the_temperature_has_one_decimal(place: Place, millidegrees: str, shown: str) -> None:
    sensor(place, "class/thermal/thermal_zone0/temp", millidegrees)
    assert ask(place, "temperature") == shown


@pytest.mark.parametrize(
    ("path", "value", "bits"),
    [
        ("devices/platform/soc/soc:firmware/get_throttled", "50005\n", "0x50005\n"),
        ("devices/platform/soc/soc:firmware/get_throttled", "0x0\n", "0x0\n"),
        ("class/hwmon/hwmon1/in0_lcrit_alarm", "1\n", "0x10000\n"),
        ("class/hwmon/hwmon1/in0_lcrit_alarm", "0\n", "0x0\n"),
        ("class/hwmon/hwmon1/other", "1\n", ""),
    ],
)
def test_throttle_bits_come_from_where_they_are(
    place: Place, path: str, value: str, bits: str
) -> None:
    sensor(place, "class/hwmon/hwmon0/name", "cpu_thermal\n")
    sensor(place, "class/hwmon/hwmon0/in0_lcrit_alarm", "1\n")
    sensor(place, "class/hwmon/hwmon1/name", "rpi_volt\n")
    sensor(place, path, value)
    assert ask(place, "throttled") == bits


def test_text_is_encoded_as_in_the_initramfs(place: Place) -> None:
    text = "failed units: a.service (50 %)\nb\x1b" + "x" * 200
    script = f"encoded {text!r}".replace("\\n", "\n").replace("\\x1b", "\x1b")
    assert ask(place, script) == place.init(script).stdout


def test_a_node_that_is_ready_says_so_and_goes_on_telling(place: Place) -> None:
    sensor(place, "class/thermal/thermal_zone0/temp", "51000")
    sensor(place, "devices/platform/soc/soc:firmware/get_throttled", "0")
    upper(place, 3)
    place.program("systemctl", 'case "$1" in is-active) exit 3;; esac')
    place.program("systemd-run")
    with head() as (port, said):
        done = run(place, "ready", MESSAGE_PORT=str(port), HEARTBEAT_S="45")
        assert done.returncode == 0
        assert settle(said, 1) == [f"{PREFIX.format('ready')} temp=51.0 throttled=0x0 upper=3"]
    assert place.called()[-1] == (
        "systemd-run --quiet --unit=picluster-alive.service --on-active=45 "
        "--on-unit-active=45 --timer-property=AccuracySec=5s"
    )


def test_a_node_that_is_ready_reads_further_ahead(place: Place) -> None:
    place.program("systemctl")
    sensor(place, "class/bdi/0:31/read_ahead_kb", "16\n")
    run(place, "ready")
    assert (place.path / "sys/class/bdi/0:31/read_ahead_kb").read_text() == "64\n"


def test_failed_units_are_told(place: Place) -> None:
    units = "a.service loaded failed failed A\\nb.mount loaded failed failed B\\n"
    place.program("systemctl", f"[ $1 = list-units ] && printf '{units}'; exit 0")
    with head() as (port, said):
        run(place, "ready", MESSAGE_PORT=str(port))
        assert settle(said, 2) == [
            PREFIX.format("ready"),
            f"{PREFIX.format('warning')} step=system reason=failed%20units:%20a.service%20b.mount",
        ]


def test_a_silent_head_costs_nothing(place: Place) -> None:
    place.program("systemctl")
    start = time.monotonic()
    assert run(place, "ready", MESSAGE_PORT="9").returncode == 0
    assert run(place, "alive", MESSAGE_PORT="9").returncode == 0
    assert time.monotonic() - start < 5


def test_a_full_upper_layer_is_told_once_per_crossing(place: Place) -> None:
    with head() as (port, said):
        for percent in (79, 80, 95, 79, 81, 74, 80):
            upper(place, percent)
            assert run(place, "alive", MESSAGE_PORT=str(port)).returncode == 0
        settle(said, 9)
    events = [message.split()[1] for message in said]
    assert events == ["alive"] * 2 + ["warning"] + ["alive"] * 5 + ["warning"]
    assert said[2] == (
        f"{PREFIX.format('warning')} upper=80 step=overlay reason=upper%20layer%2080%20%25%20full"
    )


def test_a_full_upper_layer_is_said_on_the_console_with_what_to_do(place: Place) -> None:
    upper(place, 91)
    done = run(place, "alive", UPPER_WARN_PERCENT="90")
    for text in (done.stdout.removeprefix("<4>"), place.console.read_text()):
        assert text.startswith(
            "picluster: WARNING: the overlay's writable layer is 91 % full. When"
        )
        assert "reboot to begin with an empty one" in text


class Authority:
    """A head's certificate authority."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.key = directory / "ca"
        keygen("-t", "ed25519", "-N", "", "-f", str(self.key))
        self.directory = directory

    def sign(self, public_key: str) -> str:
        """A host certificate for a public key."""
        file = self.directory / "node.pub"
        file.write_text(public_key + "\n")
        keygen("-s", str(self.key), "-h", "-I", "pi-1-1", "-n", "pi-1-1", str(file))
        words = (self.directory / "node-cert.pub").read_text().split()
        return " ".join(words[:2])


def keygen(*words: str) -> str:
    return subprocess.run(
        ["ssh-keygen", "-q", *words], check=True, capture_output=True, text=True
    ).stdout


def test_a_host_key_is_made_at_every_boot(place: Place) -> None:
    keys = place.run_dir / "ssh"
    assert run(place, "hostkeys", HOST_KEYS="generated").returncode == 0
    assert {path.name for path in keys.iterdir()} == {
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
        "options",
    }
    assert (keys / "options").read_text() == "SSHD_OPTS=\nOPTIONS=\n"
    assert (keys / "ssh_host_ed25519_key").stat().st_mode & 0o777 == 0o600
    assert keygen("-y", "-f", str(keys / "ssh_host_ed25519_key")).startswith("ssh-ed25519 ")


def test_the_head_certifies_the_key(place: Place) -> None:
    authority = Authority(place.path / "ca")

    def answer(question: bytes) -> bytes:
        key = question.decode().split(" key=")[1]
        return f"picluster/1 certificate {authority.sign(key)}".encode()

    with head(answer) as (port, said):
        done = run(place, "hostkeys", HOST_KEYS="certified", HOSTKEY_PORT=str(port))
        assert done.returncode == 0, done.stderr
    keys = place.run_dir / "ssh"
    public = (keys / "ssh_host_ed25519_key.pub").read_text().split()[:2]
    assert said == [f"picluster/1 hostkey mac={MAC} key={' '.join(public)}"]
    certificate = keys / "ssh_host_ed25519_key-cert.pub"
    assert "pi-1-1" in keygen("-L", "-f", str(certificate))
    option = f"-o HostCertificate={certificate}"
    assert (keys / "options").read_text() == f"SSHD_OPTS={option}\nOPTIONS={option}\n"


def without_certificate(place: Place, answer: Answer) -> tuple[list[str], list[str]]:
    """Questions and messages of a node that gets no certificate."""
    with head(answer) as (port, asked), head() as (messages, told):
        start = time.monotonic()
        done = run(
            place,
            "hostkeys",
            HOST_KEYS="certified",
            HOSTKEY_PORT=str(port),
            MESSAGE_PORT=str(messages),
        )
        assert time.monotonic() - start < 12
        assert done.returncode == 0
        settle(told, 1)
    assert not (place.run_dir / "ssh/ssh_host_ed25519_key-cert.pub").exists()
    assert (place.run_dir / "ssh/options").read_text() == "SSHD_OPTS=\nOPTIONS=\n"
    assert done.stdout.startswith("<4>picluster: no host certificate: ")
    return asked, told


def test_a_head_that_is_silent_is_asked_three_times(place: Place) -> None:
    asked, told = without_certificate(place, lambda _: None)
    assert len(asked) == 3
    assert "step=hostkeys reason=the%20head%20at%20127.0.0.1%20does%20not%20answer" in told[0]


def test_a_head_that_refuses_is_not_asked_again(place: Place) -> None:
    asked, told = without_certificate(place, lambda _: b"picluster/1 refused unknown MAC\n")
    assert len(asked) == 1
    assert "reason=picluster/1%20refused%20unknown%20MAC" in told[0]


@pytest.mark.parametrize(
    "answer",
    [b"", b"\0" * 2000, b"picluster/1 certificate ssh-rsa AAAA", b"HostKey /etc/shadow", b"\xff"],
)
def test_what_is_no_certificate_is_not_used(place: Place, answer: bytes) -> None:
    without_certificate(place, lambda _: answer)


def test_a_certificate_for_another_key_is_not_used(place: Place) -> None:
    other = place.path / "other"
    keygen("-t", "ed25519", "-N", "", "-f", str(other))
    authority = Authority(place.path / "ca")
    key = " ".join(other.with_suffix(".pub").read_text().split()[:2])
    _, told = without_certificate(
        place, lambda _: f"picluster/1 certificate {authority.sign(key)}".encode()
    )
    assert "is%20not%20for%20this%20key" in told[0]
