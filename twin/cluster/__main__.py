"""``python -m twin.cluster``: a whole cluster to practise on, on one machine.

``up`` starts a head in a container, configures it by site.yml, publishes an image and starts PDUs
and boards; it prints the inventory to use. NAME=FAULT is ``pi-1-7=panic``, ``bank_2=unplugged``,
``bank_2=hot`` or ``pdu-1=no-answer``; ``strike`` also takes ``bank_2=plugged``,
``bank_2=switch-reboots``, ``<head>=restarts`` and ``=well``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from picluster.cluster.load import find_description
from picluster.errors import PiclusterError, refusal
from picluster.plan.read import read_plan
from twin.boards.setup import Linux
from twin.boards.tree import ensure_tree
from twin.cluster.control import ControlServer, ask, socket_path
from twin.cluster.passwords import environment
from twin.cluster.prepare import configure, pin_machines, publish
from twin.cluster.twin import LiveTwin, Wishes
from twin.cluster.wire import WayIn
from twin.cluster.wishes import FAULTS, check_names, read_faults
from twin.head import Head
from twin.head.places import TREE, build_dir
from twin.rack import Rack
from twin.virtual.faults import NO_FAULTS, Plagues, Rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picluster.plan.model import AddressPlan

_START_S = 120.0
_LOOK_S = 5.0


def main(words: Sequence[str] | None = None) -> int:
    """Do what the arguments say.

    Returns:
        Exit status: 0, or 1 for a refusal.
    """
    words = list(sys.argv[1:] if words is None else words)
    options = _parser().parse_args(words)
    options.words = words[1:]
    try:
        options.do(options)
    except PiclusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parts(options: argparse.Namespace) -> tuple[Head, Rack]:
    plan = read_plan(find_description(options.cluster))
    rack = Rack(options.name, [bank.number for bank in plan.cluster.banks])
    return Head.of(plan.cluster, options.name, rack), rack


def _up(options: argparse.Namespace) -> None:
    # Refused before anything is made.
    check_names(_wishes(options), read_plan(find_description(options.cluster)))
    head, rack = _parts(options)
    head.check_free()
    ensure_tree()
    rack.up()
    try:
        head.up()
        plan = read_plan(find_description(options.cluster))
        configure(head, options.cluster)
        publish(head, plan.cluster, options.cluster)
        _start(options)
    except BaseException:
        _down(options)
        raise
    _explain(options, head)


def _start(options: argparse.Namespace) -> None:
    """Start the process that serves PDUs and boards, and wait until it does."""
    words = [sys.executable, "-m", "twin.cluster", "serve", *options.words]
    log = build_dir() / "twin" / options.name / "twin.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=TREE, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    (log.parent / "twin.pid").write_text(f"{process.pid}\n")
    end = time.monotonic() + _START_S + (3600 if options.machine else 0)
    while not socket_path(options.name).exists():
        if process.poll() is not None or time.monotonic() > end:
            said = log.read_text(errors="replace").strip()[-400:]
            raise refusal(f"the boards did not start: {said}", file=log)
        time.sleep(0.2)


def _serve(options: argparse.Namespace) -> None:
    head, rack = _parts(options)
    plan = read_plan(find_description(options.cluster))
    wishes, key = _wishes(options), None
    if options.machine:
        nodes = [node for node in plan.nodes if node.name in options.machine]
        if len(nodes) != len(set(options.machine)):
            raise refusal(f"not all boards of this cluster: {options.machine}", "--machine pi-1-3")
        key = pin_machines(head, options.cluster, nodes, log=head.places.directory / "image.log")
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with LiveTwin(options.cluster, head, rack, wishes, key) as twin, ControlServer(twin):
        while not done.wait(_LOOK_S) and head.namespace.path.exists():
            continue  # until a signal, or until somebody has removed the head


def _wishes(options: argparse.Namespace) -> Wishes:
    named = read_faults(options.fault)
    rates = NO_FAULTS if options.no_faults else Rates()
    plagues = Plagues(options.seed, rates, named.boards, named.unplugged, named.hot)
    linux = Linux(read_bytes=round(options.read_mb * 1e6), ssh=not options.no_ssh)
    return Wishes(plagues, named.pdus, linux, speed=options.speed, machines=tuple(options.machine))


def _explain(options: argparse.Namespace, head: Head) -> None:
    plan = read_plan(find_description(options.cluster))
    inventory = head.places.directory / "inventory"
    secrets = environment(plan.cluster)
    print(f"""
The twin {options.name} is up: {len(plan.nodes)} boards, without power.

  picluster boot -i {inventory}
  ansible-playbook -i {inventory} playbooks/boot.yml
  ansible -i {inventory} bank_{plan.cluster.banks[0].number} -m ansible.builtin.ping
{_harvest(plan, inventory)}  python -m twin.cluster truth --name {options.name}
  python -m twin.cluster down --name {options.name}""")
    if secrets:
        print("\nPasswords of its devices: " + " ".join(f"{k}={v}" for k, v in secrets.items()))


def _harvest(plan: AddressPlan, inventory: Path) -> str:
    carrying = [bank.switch for bank in plan.cluster.banks if bank.switch is not None]
    if not carrying:
        return ""
    where = f"-i {inventory} --accept-new-host-keys ssh:{carrying[0]}"
    return f"  picluster harvest {where}\n"


def _down(options: argparse.Namespace) -> None:
    folder = build_dir() / "twin" / options.name
    pid_file = folder / "twin.pid"
    if pid_file.exists() and (pid := int(pid_file.read_text())) and _is_ours(pid):
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 30
        while _is_ours(pid) and time.monotonic() < end:
            time.sleep(0.1)
        if _is_ours(pid):
            os.kill(pid, signal.SIGKILL)
    rack = Rack(options.name, [])
    WayIn(options.name, rack, "").remove()
    Head(options.name).down()
    rack.down()
    socket_path(options.name).unlink(missing_ok=True)


def _is_ours(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"twin.cluster" in words


def _truth(options: argparse.Namespace) -> None:
    boards = ask(options.name, {"do": "truth"})["boards"]
    if options.json:
        print(json.dumps(boards, indent=1))
        return
    for board in boards:
        state = "ready" if board["ready"] else board["step"]
        print(f"{board['name']:10} {board['address']:15} {state:28} {board['fault']}")


def _power(options: argparse.Namespace) -> None:
    done = ask(options.name, {"do": "power", "names": options.names, "on": options.state == "on"})
    print(f"{done['boards']} boards: {options.state}")


def _strike(options: argparse.Namespace) -> None:
    for word in options.faults:
        name, _, fault = word.partition("=")
        ask(options.name, {"do": "strike", "name": name, "fault": fault})


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m twin.cluster", description=__doc__, formatter_class=form
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, do: object, text: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text)
        sub.add_argument("--name", default="cluster", help="name of the twin (%(default)s)")
        sub.set_defaults(do=do)
        return sub

    for name, do, text in (
        ("up", _up, "start a twin; prints what to use it with"),
        ("serve", _serve, "play the PDUs and boards around a head that is up, until a signal"),
    ):
        _add_wishes(action(name, do, text))
    action("down", _down, "remove a twin and all that belongs to it")
    truth = action("truth", _truth, "show what really happened to every board")
    truth.add_argument("--json", action="store_true", help="as a JSON list")
    power = action("power", _power, "switch boards by hand, as a person at the plug")
    power.add_argument("state", choices=("on", "off"))
    power.add_argument("names", nargs="+", metavar="NAME", help="pi-1-7, bank_1")
    strike = action("strike", _strike, "let something go wrong, or well again")
    strike.add_argument("faults", nargs="+", metavar="NAME=FAULT", help=f"{', '.join(FAULTS)}, …")
    return parser


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    default = TREE / "inventory" / "mini"
    parser.add_argument("--cluster", type=Path, default=default, help="inventory (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of what goes wrong (%(default)s)")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=FAULT")
    parser.add_argument("--no-faults", action="store_true", help="none but those named")
    parser.add_argument("--machine", action="append", default=[], metavar="BOARD",
                        help="a QEMU machine that boots the real image")  # fmt: skip
    parser.add_argument("--speed", type=float, default=1.0, help="of the boot ROMs' clocks")
    parser.add_argument("--read-mb", type=float, default=27.0, metavar="MB",
                        help="what a board reads over NFS (%(default)s)")  # fmt: skip
    parser.add_argument("--no-ssh", action="store_true", help="boards without sshd, many of them")


if __name__ == "__main__":
    sys.exit(main())
