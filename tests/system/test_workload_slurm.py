"""Slurm's own daemons on the head and on boards of the twin: a lost bank, power, hooks."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from boards_support import boards_image, campaign, inventory_with, small_twin, until
from rolling_support import Rolling, outcomes
from rollout_support import Rollouts, counts
from slurm_support import Slurm, forwarded_power, parallel, stop

from picluster.plan.read import read_plan
from picluster.render.configuration import render
from twin.head import container
from twin.head.places import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twin.head import Head
    from twin.rack import Rack

pytestmark = [pytest.mark.jobs, pytest.mark.timeout(600)]
BANKS = {1: 2, 2: 2}
BOARDS = {1: ("pi-1-1", "pi-1-2"), 2: ("pi-2-1", "pi-2-2")}
RULES = "/etc/nftables.d/picluster.nft"
#: A board of the twin has no cgroups, and as many processors as there are.
SETTINGS: dict[str, Any] = {
    "slurm_controller_cpus": 1,
    "slurm_controller_memory_mib": 256,
    "slurm_controller_job_memory_mib": 64,
    "slurm_controller_silence_s": 12,
    "slurm_controller_requeue_wait_s": 5,
    "slurm_controller_proctrack": "proctrack/linuxproc",
    "slurm_controller_task": "task/none",
    "slurm_controller_cgroup_plugin": "cgroup/v1",
    "slurm_controller_power_banks": [2],
    "slurm_controller_power_idle_s": 1,
    "slurm_controller_power_boot_s": 90,
    "workload_slurm_drain_s": 6,
    "head_network_probe": False,
    "head_network_extra_services": [
        {"name": "slurmctld", "protocol": "tcp", "port": "6817"},
        {"name": "srun", "protocol": "tcp", "port": "60001-60100"},
    ],
}
FIREWALL = """\
- hosts: head
  gather_facts: false
  roles: [head_network, slurm_controller]
"""
#: Another controller of the head's settings beside the one that runs.
OTHER = """
cd /srv/other
sed 's/^SlurmctldPort=.*/SlurmctldPort=7817/; s#^StateSaveLocation=.*#StateSaveLocation=/srv/other#
     /^Suspend/d; /^Resume/d; 1i SlurmctldPidFile=/srv/other/pid' /etc/slurm/slurm.conf > slurm.conf
cp /etc/slurm/cgroup.conf .
chown slurm .
export SLURM_CONF=/srv/other/slurm.conf
timeout 60 slurmctld -D > log 2>&1 &
until scontrol ping > /dev/null 2>&1; do sleep 0.2; kill -0 $! || { cat log; exit 1; }; done
sinfo --noheader --partition=all --format=%D
sinfo --noheader --format=%R | sort -u | wc -l
scontrol show topology | grep -o '^SwitchName=core .* Nodes' | cut -d' ' -f2
kill %1
wait
"""
HOOK = """\
- hosts: pi
  gather_facts: false
  run_once: true
  vars: {rolling_nodes: [pi-1-1, pi-1-2, pi-9-9], rolling_reason: new kernel}
  tasks:
    - ansible.builtin.include_role: {name: workload_slurm, tasks_from: "{{ part }}"}
"""


def domains(inventory: Path) -> Path:
    """Each bank in a domain of its own."""
    path = inventory / "cluster.picluster.yml"
    text = path.read_text()
    for number, domain in ((1, "a"), (2, "b")):
        text = text.replace(
            f"{{number: {number}, rack", f"{{number: {number}, domain: {domain}, rack"
        )
    path.write_text(text)
    return inventory


@pytest.fixture(scope="module")
def slurm(
    configured_head: Head, rack: Rack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Slurm]:
    """Four boards, two in each domain, and the controller on the head."""
    inventory = domains(inventory_with(tmp_path_factory.mktemp("boards"), BANKS))
    folder = tmp_path_factory.mktemp("slurm")
    key = {"control_secret_path": str(folder / "munge.key")}
    head = configured_head
    rules = head.copy_out(RULES)
    with (
        boards_image(head, inventory),
        small_twin(head, rack, inventory) as live,
        forwarded_power(live) as asked,
    ):
        made = Slurm(live, {**SETTINGS, **key}, folder, asked)
        try:
            book = folder / "book.yml"
            book.write_text(FIREWALL)
            report, outcome = parallel(
                lambda: campaign(live, folder / "journal.db", tuple(BANKS)),
                lambda: made.play(book),
            )
            assert report.ready == sum(BANKS.values()), report.plain()
            assert outcome.status == 0, outcome.explain()
            yield made
        finally:
            stop(head)
            container.put(head.places.container, {RULES: (rules, 0o644)})
            head.exec(["nft", "-f", RULES])


def test_nodes_serve_the_controller(slurm: Slurm) -> None:
    again = slurm.play("playbooks/slurm.yml")
    assert (again.status, again.changed()) == (0, []), again.explain()
    # from now on the tests say when banks are looked at
    slurm.head.exec(["systemctl", "stop", "picluster-slurm-watch.timer"])
    rollouts = Rollouts(slurm.twin, slurm.folder)
    words = ("-e", "workload=slurm", "-e", json.dumps(slurm.settings))
    done = rollouts.playbook("deploy", *words)
    assert counts(rollouts.report()) == {"ok": 4}, done.stdout
    assert set(slurm.states().values()) == {"idle"}
    said = slurm.ask("srun", "--nodes=4", "--chdir=/", "hostname")
    assert sorted(said.splitlines()) == sorted(BOARDS[1] + BOARDS[2])


@pytest.mark.parametrize(
    ("cluster", "nodes", "partitions", "level"),
    [("policebox", 1050, 26, "Level=1"), ("zurich", 12, 7, "Level=2")],
)
def test_the_controller_takes_every_cluster(
    slurm: Slurm, cluster: str, nodes: int, partitions: int, level: str
) -> None:
    plan = read_plan(TREE / "inventory" / cluster / "cluster.picluster.yml")
    files = {
        f"/srv/other/{variant}.conf": (render(plan, "slurm", variant).encode(), 0o644)
        for variant in ("cluster", "topology")
    }
    container.put(slurm.head.places.container, files)
    try:
        said = slurm.head.exec(["bash", "-c", OTHER])
    finally:
        slurm.head.run(["rm", "-rf", "/srv/other"])
    assert said.split() == [str(nodes), str(partitions), level]


def test_jobs_outlive_a_lost_domain(slurm: Slurm) -> None:
    """One job fills each domain: of one domain lost, its job goes on in the other."""
    words = ("--nodes=2", "--switches=1", "--partition=domain_a,domain_b", "--requeue")
    first = slurm.batch("sleep 12", *words)
    second = slurm.batch("sleep 12", *words)
    places = {job: slurm.wait(job, "RUNNING", 60)["NodeList"] for job in (first, second)}
    assert sorted(places.values()) == ["pi-1-[1-2]", "pi-2-[1-2]"]
    lost = first if places[first] == "pi-2-[1-2]" else second
    kept = second if lost == first else first
    slurm.twin.power(BOARDS[2], on=False)
    ended = slurm.wait(kept, "COMPLETED", 40)
    assert ended["Restarts"] == "0"
    ended = slurm.wait(lost, "COMPLETED", 90)
    assert (ended["NodeList"], ended["Restarts"]) == ("pi-1-[1-2]", "1")
    assert slurm.states()["pi-2-1"].startswith("down")
    # it boots, and is back, while other tests run
    slurm.twin.power(BOARDS[2], on=True)


@pytest.mark.long
def test_nodes_are_drained_before_they_are_stopped(slurm: Slurm) -> None:
    hook = slurm.folder / "hook.yml"
    hook.write_text(HOOK)
    slurm.ask("scontrol", "update", "NodeName=pi-1-2", "State=DRAIN", "Reason=burnt")
    try:
        job = slurm.batch("sleep 300", "--nodelist=pi-1-1")
        slurm.wait(job, "RUNNING", 60)
        stuck = slurm.play(hook, part="drain", rolling_drain_s=4)
        assert stuck.status != 0
        why = f"after 4 s there is still job {job} on pi-1-1; the nodes are open"
        assert why in stuck.explain()
        # a star until the controller has heard the node once more
        assert slurm.states()["pi-1-1"].rstrip("*") == "allocated"
        slurm.ask("scancel", job)
        assert slurm.play(hook, part="drain", rolling_drain_s=30).status == 0
        assert slurm.states()["pi-1-1"].rstrip("*") == "drained"
        assert slurm.reason("pi-1-1") == "new kernel"
        assert slurm.play(hook, part="resume", rolling_drain_s=30).status == 0
        assert slurm.states()["pi-1-1"].rstrip("*") == "idle"
        # what somebody else has closed stays closed
        assert slurm.reason("pi-1-2") == "burnt"
    finally:
        slurm.ask("scancel", "--user=root")
        slurm.ask("scontrol", "update", "NodeName=pi-1-2", "State=RESUME")


@pytest.mark.long
def test_a_roll_out_gives_jobs_time_and_queues_the_rest_again(slurm: Slurm) -> None:
    short = slurm.batch("sleep 3", "--nodelist=pi-1-2")
    slurm.wait(short, "RUNNING", 60)
    slow = slurm.batch("sleep 300", "--nodelist=pi-1-1", "--requeue")
    slurm.wait(slow, "RUNNING", 60)
    version = json.dumps({**slurm.settings, "workload_slurm_version": "2"})
    rollouts = Rollouts(slurm.twin, slurm.folder)
    words = ("-e", "workload=slurm", "-e", version, "--limit", "bank_1")
    done = rollouts.playbook("deploy", *words)
    assert counts(rollouts.report()) == {"ok": 2}, done.stdout
    assert slurm.job(short)["JobState"] == "COMPLETED"
    assert slurm.job(short)["Restarts"] == "0"
    assert slurm.wait(slow, "RUNNING", 30)["Restarts"] == "1"
    slurm.ask("scancel", slow)
    until(lambda: {slurm.states()[name] for name in BOARDS[1]} == {"idle"}, "they are open", 60)


@pytest.mark.long
def test_banks_reboot_when_their_jobs_have_ended(slurm: Slurm) -> None:
    """A job of each bank ends by itself, and is not begun again."""
    back = {"pi-2-1": "idle", "pi-2-2": "idle"}
    until(lambda: back.items() <= slurm.states().items(), "the lost bank is back", 90)
    rolling = Rolling(slurm.twin, slurm.folder, "")
    before = {name: rolling.said(name)[0] for name in BOARDS[1] + BOARDS[2]}
    jobs = [slurm.batch("sleep 8", f"--nodelist={nodes[0]}") for nodes in BOARDS.values()]
    for job in jobs:
        slurm.wait(job, "RUNNING", 60)
    done = rolling.playbook(reboot_hooks="slurm", reboot_force=True, **slurm.settings)
    assert done.returncode == 0, done.stdout
    assert outcomes(rolling.report()) == dict.fromkeys(before, "ok")
    assert rolling.report()["drained"] == []
    for job in jobs:
        assert slurm.job(job)["JobState"] == "COMPLETED"
        assert slurm.job(job)["Restarts"] == "0"
    assert not {name for name, boot in before.items() if rolling.said(name)[0] == boot}
    until(lambda: set(slurm.states().values()) == {"idle"}, "they take jobs", 60)
    said = slurm.ask("srun", "--nodes=4", "--chdir=/", "hostname")
    assert sorted(said.splitlines()) == sorted(before)


@pytest.mark.long
def test_an_idle_bank_has_no_power_until_a_job_wants_it(slurm: Slurm) -> None:
    boards = slurm.twin.truth.boards
    back = {"pi-2-1": "idle", "pi-2-2": "idle"}
    until(lambda: back.items() <= slurm.states().items(), "the lost bank is back", 90)
    look = ["systemctl", "start", "picluster-slurm-watch.service"]
    slurm.head.exec(["sh", "-c", "echo PICLUSTER_PDU_PASSWORD=word > /etc/picluster/power.env"])
    assert slurm.head.run(["runuser", "-u", "slurm", "cat", "/etc/picluster/power.env"]).returncode
    job = slurm.batch("sleep 300", "--nodelist=pi-2-2")
    slurm.wait(job, "RUNNING", 60)
    slurm.head.exec(look)
    assert slurm.asked == []
    slurm.ask("scancel", job)
    until(lambda: slurm.states()["pi-2-2"] == "idle", "the job has ended", 20)
    time.sleep(2)
    slurm.head.exec(look)
    assert slurm.asked[0][:2] == ["power", "off"]
    assert slurm.asked[0][-2:] == ["bank_2", "word"]
    assert {name: board.power for name, board in boards().items()} == {
        **dict.fromkeys(BOARDS[1], True),
        **dict.fromkeys(BOARDS[2], False),
    }
    until(lambda: slurm.states()["pi-2-1"] == "idle~", "it is known to be off", 30)
    began = time.monotonic()
    job = slurm.batch("sleep 1", "--nodelist=pi-2-1")
    slurm.wait(job, "COMPLETED", 90)
    print(f"a job that woke its bank ended after {time.monotonic() - began:.1f} s")
    until(lambda: slurm.states()["pi-2-2"] == "idle", "the other board is there, too", 30)


@pytest.mark.long
def test_a_new_board_and_no_power_saving_are_one_run(slurm: Slurm) -> None:
    job = slurm.batch("sleep 300", "--nodelist=pi-1-1")
    slurm.wait(job, "RUNNING", 60)
    more = domains(inventory_with(slurm.folder / "more", {1: 2, 2: 3}))
    done = slurm.play("playbooks/slurm.yml", more, slurm_controller_power_banks=[])
    assert done.status == 0, done.explain()
    states = slurm.states()
    assert states["pi-2-3"].startswith("unk")
    assert states["pi-1-1"].rstrip("*") == "allocated"
    assert slurm.job(job)["JobState"] == "RUNNING"
    slurm.ask("scancel", job)
    assert slurm.head.run(["systemctl", "cat", "picluster-slurm-watch.timer"]).returncode
    on = Rollouts(slurm.twin, slurm.folder).on
    assert "pi-2-[1-3]" in on("pi-1-1", "cat /run/slurm/conf/topology.conf")
