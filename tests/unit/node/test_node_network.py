from pathlib import Path

from tests.unit.node.shells import Place


def device(place: Place, name: str, carrier: str = "", kind: str = "1") -> None:
    path = place.path / "net" / name
    (path / "device").mkdir(parents=True)
    (path / "type").write_text(kind + "\n")
    if carrier:
        (path / "carrier").write_text(carrier + "\n")


def net(place: Place) -> dict[str, str]:
    return {"PICLUSTER_NET": str(place.path / "net")}


def test_the_device_with_a_link_is_taken(place: Place) -> None:
    device(place, "eth0", "0")
    device(place, "eth1", "1")
    device(place, "wlan0", "1", kind="801")
    (place.path / "net" / "lo").mkdir()
    done = place.init("ethernet_devices; echo -; linked", **net(place))
    assert done.stdout.split() == ["eth0", "eth1", "-", "eth1"]


def test_no_link_is_no_device(place: Place) -> None:
    device(place, "eth0")
    done = place.init("linked || echo none", **net(place))
    assert done.stdout == "none\n"


def test_a_board_without_a_network_device_fails(place: Place) -> None:
    place.boot_with("picluster.device=3")
    (place.path / "net").mkdir()
    place.program("modprobe")
    # Time passes: a stand-in for sleep sets the clock ahead.
    place.program("sleep", f"echo 14.00 > {place.uptime}; [ $1 = 0.2 ] || echo 99 > {place.uptime}")
    place.program("reboot")
    place.program("sync")
    place.uptime.write_text("11.00 1\n")
    script = "loaded_drivers() { echo usbcore; }; wait_device"
    place.init(script, **net(place))
    assert "FAILED at step network: no Ethernet device after 3 s; drivers: usbcore" in (
        place.console.read_text()
    )


def wait(place: Place, passed: int, told: int) -> list[str]:
    for name in ("reboot", "sync", "sleep", "logger"):
        place.program(name)
    place.uptime.write_text(f"{100 + passed}.00 1\n")
    place.init(f'_told={told}; waiting 100 nfs "server silent"', SYSLOGD="1", MAC="m", BOOT_ID="b")
    return place.console.read_text().splitlines()


def test_waiting_is_quiet_at_first(place: Place) -> None:
    assert wait(place, 9, 0) == []
    assert place.called() == []


def test_waiting_is_said_every_ten_seconds(place: Place) -> None:
    assert wait(place, 20, 10) == ["<4>picluster: server silent; waiting since 20 s"]
    assert place.called() == [
        "logger -t picluster picluster/1 warning mac=m boot=b up=120.0 step=nfs "
        "reason=server%20silent%2C%20waiting%20since%2020%20s"
    ]


def test_waiting_ends_after_half_an_hour(place: Place) -> None:
    assert wait(place, 1800, 1790)[0] == (
        "<4>picluster: FAILED at step nfs: server silent (waited 1800 s)"
    )


def test_waiting_can_be_without_end(place: Place) -> None:
    place.boot_with("picluster.wait=0")
    assert wait(place, 90000, 89990) == ["<4>picluster: server silent; waiting since 90000 s"]


def dhcp(place: Place, lease: str, cmdline: str = "") -> str:
    place.boot_with(cmdline)
    place.program("udhcpc", f"printf '%s' '{lease}' > {place.run_dir}/lease")
    for name in ("reboot", "sync", "sleep"):
        place.program(name)
    done = place.init('ask_dhcp; echo "$ADDRESS $SERVER"', DEVICE="eth0", MAC="m")
    return done.stdout.strip()


LEASE = "ADDRESS=172.20.1.1\nPREFIX=16\nSERVER=172.20.0.10\n"


def test_the_server_of_the_lease_is_asked_for_the_image(place: Place) -> None:
    assert dhcp(place, LEASE) == "172.20.1.1 172.20.0.10"
    assert place.called()[0].startswith("udhcpc -i eth0 -f -n -q ")


def test_the_command_line_may_name_another_server(place: Place) -> None:
    assert dhcp(place, LEASE, "picluster.server=10.0.0.1") == "172.20.1.1 10.0.0.1"


def test_a_lease_without_a_server_fails(place: Place) -> None:
    dhcp(place, LEASE.replace("172.20.0.10", ""))
    assert "FAILED at step dhcp: the DHCP server names no NFS server" in place.console.read_text()


def test_a_silent_dhcp_server_is_asked_again(place: Place, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    lease = LEASE.replace("\n", "\\n")
    place.program(
        "udhcpc",
        f"echo x >> {tries}; [ $(wc -l < {tries}) -ge 3 ] || exit 1; "
        f"printf '{lease}' > {place.run_dir}/lease",
    )
    place.program("sleep")
    done = place.init('ask_dhcp; echo "$ADDRESS"', DEVICE="eth0", MAC="m")
    assert done.stdout == "172.20.1.1\n"
    assert [call for call in place.called() if call.startswith("sleep")] == ["sleep 1"] * 2
