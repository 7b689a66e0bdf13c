import re
from pathlib import Path

import pytest

from tests.unit.node.shells import Place

SERVER = {"SERVER": "172.20.0.10"}
IMAGE = "picluster.path=/srv/export/images/v1"
REFUSED = "mount: mounting a on b failed: {}"


@pytest.fixture(autouse=True)
def programs(place: Place) -> None:
    for name in ("reboot", "sync", "logger", "modprobe"):
        place.program(name)
    # Time passes only while init sleeps, and only in whole seconds.
    place.program(
        "sleep",
        f"case $1 in 0.*) exec /bin/sleep 0.01;; esac; read -r up _ < {place.uptime}\n"
        + set_clock(place, "$((${up%.*} + $1))"),
    )


def set_clock(place: Place, seconds: str) -> str:
    """A line of shell that sets the time since the kernel's start; nobody sees half of it."""
    new = f"{place.uptime}.$$"
    return f"echo {seconds}.00 1 > {new}; mv {new} {place.uptime}"


def test_the_image_is_mounted_to_be_asked_for_little(place: Place) -> None:
    done = place.init("nfs_options", **SERVER)
    options = dict(word.partition("=")[::2] for word in done.stdout.strip().split(","))
    assert options == {
        "ro": "",
        "hard": "",
        "vers": "3",
        "proto": "tcp",
        "port": "2049",
        "mountproto": "tcp",
        "mountport": "20048",
        "nolock": "",
        "nocto": "",
        "actimeo": "86400",
        "rsize": "1048576",
        "timeo": "100",
        "addr": "172.20.0.10",
    }


def test_more_mount_options_come_last(place: Place) -> None:
    place.boot_with("picluster.nfsopts=rsize=32768,nordirplus")
    assert place.init("nfs_options", **SERVER).stdout.endswith(
        "addr=172.20.0.10,rsize=32768,nordirplus\n"
    )


def mount(place: Place, script: str, cmdline: str = IMAGE) -> list[str]:
    place.boot_with(cmdline)
    place.program("mount", script)
    place.init("mount_image && echo mounted >> $KMSG", **SERVER)
    return place.console.read_text().splitlines()


def after_tries(place: Place, count: int, error: str) -> str:
    """A mount that works at one of the tries, and says why before."""
    tries = place.path / "tries"
    return (
        f"echo x >> {tries}; [ $(wc -l < {tries}) -ge {count} ] && exit 0\n"
        f"echo '{REFUSED.format(error)}' >&2; exit 1"
    )


def test_an_image_is_mounted(place: Place) -> None:
    assert mount(place, "exit 0") == ["mounted"]
    (call,) = [call for call in place.called() if call.startswith("mount")]
    assert call.startswith("mount -i -t nfs -o ro,hard,vers=3,")
    assert call.endswith(f"172.20.0.10:/srv/export/images/v1 {place.run_dir}/image")


def test_a_server_that_is_away_is_waited_for(place: Place) -> None:
    lines = mount(place, after_tries(place, 8, "Connection refused"))
    assert lines == [
        "<4>picluster: cannot mount 172.20.0.10:/srv/export/images/v1: Connection refused",
        "<4>picluster: NFS server 172.20.0.10: Connection refused; waiting since 10 s",
        "mounted",
    ]
    assert "reboot -f" not in place.called()


def test_a_server_that_never_comes_back_ends_in_a_reboot(place: Place) -> None:
    lines = mount(place, after_tries(place, 999, "timed out"), f"{IMAGE} picluster.wait=30")
    assert "<4>picluster: FAILED at step nfs: NFS server 172.20.0.10: timed out (waited 30 s)" in (
        lines
    )
    assert "reboot -f" in place.called()


@pytest.mark.parametrize("error", ["No such file or directory", "Permission denied"])
def test_an_image_that_is_not_there_ends_in_a_reboot(place: Place, error: str) -> None:
    lines = mount(place, after_tries(place, 999, error))
    assert f"<4>picluster: FAILED at step nfs: 172.20.0.10:/srv/export/images/v1: {error}" in lines
    assert "reboot -f" in place.called()


def test_a_server_that_starts_may_not_know_the_image_yet(place: Place) -> None:
    assert mount(place, after_tries(place, 5, "Permission denied"))[-1] == "mounted"


def after_both(place: Place, ends: int, refuses: str) -> str:
    """A mount that times out or is refused, as the shell's condition says, until one succeeds."""
    tries = f"$(wc -l < {place.path / 'tries'})"
    return (
        f"echo x >> {place.path / 'tries'}; [ {tries} -ge {ends} ] && exit 0\n"
        f"[ {tries} {refuses} ] && why='Permission denied' || why='timed out'\n"
        f'echo "{REFUSED.format("$why")}" >&2; exit 1'
    )


def test_a_server_that_was_long_away_may_not_know_the_image_yet(place: Place) -> None:
    lines = mount(place, after_both(place, 45, "-ge 41"))
    assert "waiting since 70 s" in "".join(lines)
    assert lines[-1] == "mounted"


def test_refusals_count_from_the_first_one_in_a_row(place: Place) -> None:
    assert mount(place, after_both(place, 50, "-ne 25"))[-1] == "mounted"


def test_a_mount_that_hangs_is_told(place: Place) -> None:
    clock = set_clock(place, "$second")
    lines = mount(place, f"for second in $(seq 13 25); do {clock}; /bin/sleep 0.1; done")
    assert re.fullmatch(
        r"<4>picluster: NFS server 172.20.0.10: no answer; waiting since 1[0-3] s", lines[0]
    )
    assert lines[1:] == ["mounted"]


def test_a_stale_image_is_asked_for_again(place: Place) -> None:
    # The server remembers an image of that name which is gone: it is mounted, but cannot be used.
    tries = place.path / "stats"
    place.program(
        "stat",
        f"echo x >> {tries}; [ $(wc -l < {tries}) -ge 3 ] && exit 0\n"
        "echo \"stat: can't stat '/x': Stale file handle\" >&2; exit 1",
    )
    place.program("umount")
    lines = mount(place, "exit 0")
    assert lines == [
        "<4>picluster: cannot mount 172.20.0.10:/srv/export/images/v1: Stale file handle",
        "mounted",
    ]
    assert place.called().count(f"umount {place.run_dir}/image") == 2


@pytest.mark.parametrize("cmdline", ["", "picluster.path=srv/export"])
def test_an_image_without_a_path_fails(place: Place, cmdline: str) -> None:
    lines = mount(place, "exit 0", cmdline)
    assert "FAILED at step nfs: no picluster.path=/... on the kernel command line" in lines[0]


def test_a_plain_tree_is_bound(place: Place) -> None:
    (place.run_dir / "image" / "root").mkdir(parents=True)
    place.program("mount")
    assert place.init("bind_lower").returncode == 0
    run = place.run_dir
    assert place.called() == [f"mount -o bind {run}/image/root {run}/lower"]


def test_a_squashfs_is_mounted_by_loop(place: Place) -> None:
    (place.run_dir / "image").mkdir()
    (place.run_dir / "image" / "root.squashfs").touch()
    place.program("mount")
    assert place.init("bind_lower").returncode == 0
    run = place.run_dir
    assert place.called() == [
        "modprobe -q loop",
        f"mount -t squashfs -o ro,loop {run}/image/root.squashfs {run}/lower",
    ]


def test_an_image_without_a_tree_fails(place: Place) -> None:
    (place.run_dir / "image").mkdir()
    place.init("mount_lower", SOURCE="server:/v1")
    assert (
        "<4>picluster: FAILED at step nfs: cannot mount the root tree of server:/v1: "
        "it holds neither root nor root.squashfs"
    ) in place.console.read_text().splitlines()


def test_modules_of_another_kernel_are_noticed(place: Place) -> None:
    (place.run_dir / "image" / "root").mkdir(parents=True)
    place.program("mount")
    place.program("uname", "echo 6.1.0-99-arm64")
    script = "mount_lower; mkdir -p $RUN/lower/usr/lib/modules/6.1.0-99-arm64; mount_lower"
    place.init(script, **SERVER, SYSLOGD="1", MAC="m", BOOT_ID="b")
    assert place.console.read_text().splitlines() == [
        "<4>picluster: WARNING at step init: "
        "the image has no modules for the running kernel 6.1.0-99-arm64"
    ]
    assert any("picluster/1 warning" in call for call in place.called())


def overlay(place: Place, mount_script: str) -> list[str]:
    place.boot_with("picluster.upper=200M")
    place.program("mount", mount_script)
    place.init("mount_overlay && echo mounted >> $KMSG")
    return [call for call in place.called() if call.startswith("mount")]


def test_the_overlay_spares_its_upper_layer(place: Place) -> None:
    tmpfs, root = overlay(place, "exit 0")
    run = place.run_dir
    assert tmpfs == f"mount -t tmpfs -o mode=0700,size=200M picluster-upper {run}/upper"
    assert root == (
        f"mount -t overlay -o lowerdir={run}/lower,upperdir={run}/upper/data,"
        f"workdir={run}/upper/work,index=off,xino=off,redirect_dir=on,metacopy=on "
        f"picluster-root {place.root}"
    )


def test_an_older_kernel_gets_fewer_options(place: Place) -> None:
    calls = overlay(place, 'case "$*" in *metacopy*) echo invalid >&2; exit 32;; esac')
    assert calls[-1].split(",")[-1] == f"index=off picluster-root {place.root}"
    assert place.console.read_text() == "mounted\n"


def test_a_size_that_is_none_fails(place: Place) -> None:
    overlay(place, "exit 1")
    assert "FAILED at step overlay: picluster.upper=200M is not a size" in (
        place.console.read_text()
    )


def test_a_file_of_the_board_replaces_a_link(place: Place) -> None:
    outside = place.path / "outside"
    outside.write_text("untouched")
    (place.root / "etc").mkdir()
    (place.root / "etc/resolv.conf").symlink_to(outside)
    place.init("echo nameserver 172.20.0.2 | put etc/resolv.conf")
    assert (place.root / "etc/resolv.conf").read_text() == "nameserver 172.20.0.2\n"
    assert outside.read_text() == "untouched"


def test_a_file_of_the_board_is_bound_over_a_read_only_tree(place: Place) -> None:
    (place.root / "etc").mkdir()
    (place.root / "etc/hostname").touch()
    place.program("mount")
    place.init("echo pi-1-1 | put etc/hostname; echo x | put etc/absent", OVERLAY="off")
    assert place.called() == [f"mount -o bind {place.run_dir}/hostname {place.root}/etc/hostname"]
    assert (place.run_dir / "hostname").read_text() == "pi-1-1\n"
    assert (place.root / "etc/hostname").read_text() == ""


def identity(place: Place, script: str, **changes: str) -> str:
    values = {
        **SERVER,
        "MAC": "b8:27:eb:00:00:01",
        "ADDRESS": "172.20.1.1",
        "BOOT_ID": "0123456789abcdef",
        "IMAGE": "v1",
        "BDI": "0:31",
        "NAME": "pi-1-1",
        "DOMAIN": "cluster.lan",
        "DNS": "172.20.0.2 172.20.0.3",
        "NTP": "172.20.0.10",
        **changes,
    }
    return place.init(script, **values).stdout


def test_the_system_learns_who_it_is(place: Place) -> None:
    assert identity(place, "boot_conf") == (
        "SERVER=172.20.0.10\nMAC=b8:27:eb:00:00:01\nADDRESS=172.20.1.1\n"
        'BOOT_ID=0123456789abcdef\nIMAGE=v1\nBDI=0:31\nNTP="172.20.0.10"\n'
    )


def test_the_systems_own_files(place: Place) -> None:
    (place.root / "etc").mkdir()
    identity(place, "write_identity")
    files = {path.name: path.read_text() for path in (place.root / "etc").iterdir()}
    assert files.pop("machine-id") == identity(place, "machine_id $MAC")
    assert files == {
        "hostname": "pi-1-1\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
        "172.20.1.1 pi-1-1.cluster.lan pi-1-1\n",
        "resolv.conf": "search cluster.lan\nnameserver 172.20.0.2\nnameserver 172.20.0.3\n",
    }
    assert Path(place.root / "etc/machine-id").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("device", "name"), [(0x1F, "0:31"), (0xFE00, "254:0"), (0x1000FF, "0:511"), (0xB301, "179:1")]
)
def test_a_mount_is_found_by_its_device(place: Place, device: int, name: str) -> None:
    place.program("stat", f"echo {device}")
    assert place.init("backing_device /").stdout == f"{name}\n"


def test_two_boots_are_never_the_same(place: Place) -> None:
    first, second = identity(place, "boot_id; boot_id").split()
    assert first != second
    assert {len(first), len(second)} == {16}
