"""Boot ROMs against the real dhcpd and in.tftpd."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import rom_support
from rom_support import address, boot_tree, lab, mac, pinned, read_files, serial

from twin.net import Namespace, command, unique

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(rom_support.missing()), reason=rom_support.missing()),
]
BOARDS = 42
NOT_THERE = [
    "bootsig.bin", "start.elf", "autoboot.txt", "recovery.elf", "dt-blob.bin", "bootcfg.txt",
    "recovery8.img", "armstub8.bin",
]  # fmt: skip


def files_of(rom: dict) -> dict[str, tuple[int, str]]:
    return {name: (got["size"], got["sha256"]) for name, got in rom["files"].items()}


def test_pinned_boards_get_their_own_address_and_all_files(tmp_path: Path) -> None:
    with lab(tmp_path) as head:
        boot_tree(head.tftp_root)
        boot_tree(head.tftp_root / serial(0), kernel_size=50_000)  # a board with its own folder
        head.dhcpd(pinned(BOARDS))
        head.tftpd()
        registry = head.registry([list(range(BOARDS))])
        result = head.result(head.roms("--registry", registry, "--speed", "20"))
        served = read_files(head.tftp_root)
    assert result["status"] == 0
    assert result["shared_addresses"] == {}
    assert result["frames_lost"] == 0
    own = {name: got for name, got in served.items() if name.startswith(f"{serial(0)}/")}
    shared = {name: got for name, got in served.items() if name not in own}
    del own[f"{serial(0)}/bootcode.bin"]  # the ROM asks for it in the root
    for number, rom in enumerate(result["roms"]):
        prefix = f"{serial(number)}/"
        missing = [NOT_THERE[0], prefix + NOT_THERE[1], *NOT_THERE[2:]]
        expected = shared
        if number == 0:
            missing = [NOT_THERE[0], *(prefix + name for name in NOT_THERE[2:])]
            expected = {**own, "bootcode.bin": shared["bootcode.bin"]}
        assert (rom["mac"], rom["addresses"]) == (mac(number), [address(number)])
        assert (rom["stage"], rom["complete"], rom["reason"]) == ("kernel", True, "")
        assert rom["discovers"] == 2  # the ROM's and bootcode.bin's, and no REQUEST
        assert files_of(rom) == expected
        assert rom["missing"] == missing
    log = (tmp_path / "dhcpd.log").read_text()
    assert log.count("DHCPDISCOVER from") == 2 * BOARDS
    assert "DHCPREQUEST" not in log


def test_without_option_43_nothing_boots(tmp_path: Path) -> None:
    with lab(tmp_path) as head:
        boot_tree(head.tftp_root)
        head.dhcpd(pinned(3), menu=False)
        head.tftpd()
        registry = head.registry([[0, 1, 2]])
        result = head.result(head.roms("--registry", registry, "--speed", "10"))
    assert result["status"] == 1
    for number, rom in enumerate(result["roms"]):
        assert [offer["address"] for offer in rom["offers"]] == [address(number)] * 4
        assert not any(offer["taken"] for offer in rom["offers"])
        assert (rom["stage"], rom["address"], rom["files"]) == ("dhcp", None, {})
        assert rom["reason"] == "no usable offer after 4 tries of the ROM"


def test_a_head_that_is_late_finds_the_boards_silent_until_the_power_is_cycled(
    tmp_path: Path,
) -> None:
    with lab(tmp_path) as head:
        boot_tree(head.tftp_root)
        registry = head.registry([[0, 1]])
        # At ten times the speed the tries end 3.3 s, and the hope 3.8 s, after power-on.
        roms = head.roms("--registry", registry, "--speed", "10", "--power-cycle", "12")
        time.sleep(6)
        head.dhcpd(pinned(2))
        head.tftpd()
        time.sleep(3)
        assert "DHCPDISCOVER" not in head.dhcpd_log
        result = head.result(roms)
    assert result["status"] == 0
    assert [rom["discovers"] for rom in result["roms"]] == [4 + 2, 4 + 2]
    assert [rom["address"] for rom in result["roms"]] == [address(0), address(1)]


@pytest.mark.slow
def test_a_pool_gives_one_address_to_two_boards_after_120_s_and_pinned_hosts_never(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / "pool", tmp_path / "pinned"]
    for folder in folders:
        folder.mkdir()
    # Three boards, 62.5 s apart: the last asks 125 s after the first one.
    options = ["--speed", "100", "--wave-gap", "62.5", "--deadline", "160"]
    with lab(folders[0]) as pool, lab(folders[1]) as own:
        pool.dhcpd("range 10.77.9.10 10.77.9.10;")
        own.dhcpd(pinned(3))
        started = []
        for head in (pool, own):
            boot_tree(head.tftp_root)
            head.tftpd()
            started.append(head.roms("--registry", head.registry([[0], [1], [2]]), *options))
        shared, apart = pool.result(started[0], timeout_s=170), own.result(started[1])
        log = pool.dhcpd_log
    assert shared["shared_addresses"] == {"10.77.9.10": [mac(0), mac(2)]}
    assert [rom["addresses"] for rom in shared["roms"]] == [["10.77.9.10"], [], ["10.77.9.10"]]
    assert shared["status"] == 1
    assert f"DHCPDISCOVER from {mac(1)} via boot0: network 10.77.0.0/16: no free leases" in log
    assert apart["shared_addresses"] == {}
    assert [rom["addresses"] for rom in apart["roms"]] == [[address(n)] for n in range(3)]
    assert apart["status"] == 0


def test_broadcast_answers_mix_up_boards_that_take_any_offer(tmp_path: Path) -> None:
    with lab(tmp_path) as head:
        boot_tree(head.tftp_root)
        head.dhcpd(pinned(4), extra="always-broadcast on;")
        head.tftpd()
        options = ["--registry", head.registry([[0, 1, 2, 3]]), "--speed", "50"]
        credulous = head.result(head.roms(*options, "--promiscuous-offers", "--deadline", "20"))
        sound = head.result(head.roms(*options))
    assert credulous["shared_addresses"] != {}
    assert sound["shared_addresses"] == {}
    assert [rom["addresses"] for rom in sound["roms"]] == [[address(n)] for n in range(4)]


def test_broken_boot_files_stop_a_board_with_the_file_named(tmp_path: Path) -> None:
    with lab(tmp_path) as head:
        boot_tree(head.tftp_root)
        (head.tftp_root / "kernel8.img").write_bytes(b"<html>404</html>")
        head.dhcpd(pinned(1))
        head.tftpd()
        result = head.result(head.roms("--mac", mac(0), "--speed", "20"))
    rom = result["roms"][0]
    assert (result["status"], rom["stage"], rom["complete"]) == (1, "start", False)
    assert rom["reason"] == "kernel8.img: neither gzip nor an arm64 or arm kernel image"


def fail_inside(name: str, started: list[subprocess.Popen[bytes]]) -> None:
    with Namespace(name) as space:
        started.append(space.popen(["sleep", "600"]))
        end = time.monotonic() + 5
        while space.pids() != [started[0].pid]:
            assert time.monotonic() < end
        raise RuntimeError("stop here")


def test_namespaces_are_deleted_with_what_runs_inside() -> None:
    name, started = unique("rom-gone"), []
    with pytest.raises(RuntimeError, match="stop here"):
        fail_inside(name, started)
    assert started[0].wait(5) != 0
    assert name not in command(["ip", "netns", "list"])
