"""Workloads on a bank of the live twin: real files, real datagrams, the node's own programs."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from boards_support import (
    boards_image,
    campaign,
    inventory_with,
    run,
    small_twin,
    until,
    with_domains,
)
from kubernetes_support import expected, recorded, standin
from mpi_support import Jobs, ended, primes
from rollout_support import Rollouts, counts, outcomes

from twin.cluster.control import strike
from twin.cluster.wire import free_addresses
from twin.head.places import TREE
from twin.net import Namespace
from twin.virtual.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.head import Head
    from twin.rack import Rack

pytestmark = pytest.mark.timeout(900)
#: Boards of each bank.
BANKS = {1: 6, 2: 3}
SLOTS = 9
LATE = "pi-2-3"


@pytest.fixture(scope="module")
def rollouts(
    configured_head: Head, rack: Rack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rollouts]:
    """Nine boards, all but one of them ready."""
    inventory = inventory_with(tmp_path_factory.mktemp("boards"), BANKS)
    with_domains(inventory)
    folder = tmp_path_factory.mktemp("rollout")
    with (
        boards_image(configured_head, inventory),
        small_twin(configured_head, rack, inventory, {LATE: Fault.DEAD}) as live,
    ):
        report = campaign(live, folder / "journal.db", tuple(BANKS))
        assert report.ready == SLOTS - 1, report.plain()
        yield Rollouts(live, folder)


def test_a_workload_reaches_every_board_and_says_so(rollouts: Rollouts) -> None:
    refused = rollouts.command("deploy", "example")
    assert refused[0] == 1
    assert "no boot server has a workload example" in refused[1]["error"]
    done = rollouts.playbook("deploy")
    assert done.returncode == 0
    report = rollouts.report()
    assert counts(report) == {"ok": SLOTS - 1, "absent": 1}
    assert report["banks"][0]["bank"] == 1
    assert rollouts.greeting("pi-1-3") == "hello from pi-1-3"
    assert rollouts.greeting("pi-2-1") == "hello from pi-2-1"


def test_a_second_run_touches_nobody(rollouts: Rollouts) -> None:
    before = rollouts.assigned(1)
    began = rollouts.on("pi-1-2", "stat -c %Y /run/picluster/units/*/pid")
    status, report = rollouts.command("deploy", "example")
    assert (status, counts(report)) == (0, {"unchanged": SLOTS - 1, "absent": 1})
    assert report["seconds"] < 1
    assert rollouts.assigned(1) == before
    status, report = rollouts.command("deploy", "example", "--recheck", "--limit", "bank_1,pi-2-1")
    assert (status, counts(report)) == (0, {"ok": 7})
    assert rollouts.on("pi-1-2", "stat -c %Y /run/picluster/units/*/pid") == began


def test_a_latecomer_converges_by_itself(rollouts: Rollouts) -> None:
    twin = rollouts.twin
    assert rollouts.heard(LATE) == {}
    strike(twin, LATE, "well")
    twin.power([LATE], on=False)
    twin.power([LATE], on=True)
    until(lambda: twin.truth.boards()[LATE].ready, f"{LATE} is ready")
    began = time.monotonic()
    until(lambda: rollouts.state(LATE, "example") == "ok", f"{LATE} is well", 60)
    print(f"a latecomer converged {time.monotonic() - began:.1f} s after it was ready")
    assert rollouts.greeting(LATE) == f"hello from {LATE}"
    status, report = rollouts.command("deploy", "example")
    assert (status, counts(report)) == (0, {"unchanged": SLOTS})


def test_a_check_says_what_would_be_done_and_does_nothing(rollouts: Rollouts) -> None:
    before = rollouts.assigned(1), rollouts.assigned(2)
    words = ("-e", "workload_example_version=2", "-e", "workload_example_greeting=hi")
    assert rollouts.playbook("deploy", "--check", *words).returncode == 0
    assert not (rollouts.store / "artefacts/example/2").exists()
    assert rollouts.command("undeploy", "example", "--check")[0] == 0
    assert (rollouts.assigned(1), rollouts.assigned(2)) == before


def test_a_new_version_and_the_way_back(rollouts: Rollouts) -> None:
    words = ("-e", "workload_example_version=2", "-e", "workload_example_greeting=hi")
    assert rollouts.playbook("deploy", *words).returncode == 0
    assert counts(rollouts.report()) == {"ok": SLOTS}
    assert rollouts.greeting("pi-1-2") == "hi from pi-1-2"
    status, report = rollouts.command("deploy", "example", "--rollback")
    assert (status, report["version"], counts(report)) == (0, "1", {"ok": SLOTS})
    assert rollouts.greeting("pi-1-2") == "hello from pi-1-2"
    # another content under a version that nodes may run
    other = ("-e", "workload_example_version=2", "-e", "workload_example_greeting=ho")
    done = rollouts.playbook("deploy", *other)
    assert done.returncode != 0
    assert "give what you deliver a new version" in " ".join(done.stdout.split())


def test_what_cannot_go_well_is_refused_before_the_first_batch(rollouts: Rollouts) -> None:
    before = rollouts.assigned(1), rollouts.assigned(2)
    deploy = ("deploy", "example", "--version", "2")
    for words, why in (
        ((*deploy, "--board-mib", "200"), "needs 16 MiB of memory, and a board has 8 MiB"),
        (("deploy", "example", "--version", "9"), "example 9 is missing on boot server mini-head"),
        (("deploy", "$(reboot)"), "is no name of a workload"),
        (("deploy", "example", "--version", "../1"), "is no version"),
        (("deploy", "nothing"), "no boot server has a workload nothing; there are: example"),
        ((*deploy, "--limit", "bank_9"), "no node and no group of nodes is called 'bank_9'"),
    ):
        status, found = rollouts.command(*words)
        assert (status, why in found["error"]) == (1, True), found
    damaged = rollouts.store / "artefacts/example/2/run"
    good = damaged.read_text()
    damaged.write_text(good + "# \n")
    status, found = rollouts.command(*deploy)
    damaged.write_text(good)
    assert status == 1
    what = "example 2 is damaged on boot server mini-head: run has another checksum"
    assert what in found["error"]
    assert (rollouts.assigned(1), rollouts.assigned(2)) == before


def test_two_at_once_are_refused_and_a_cancel_leaves_boards_to_go_on(rollouts: Rollouts) -> None:
    slow = rollouts.folder / "slow"
    shutil.copytree(TREE / "roles/workload_example/files/workload", slow)
    work = 'sleep 8; echo "$GREETING from $NODE" > greeting; exec sleep 999'
    (slow / "run").write_text(f"#!/bin/sh\n{work}\n")
    rollouts.deliver(slow, "slow")
    program = str(Path(sys.executable).with_name("picluster"))
    words = ["deploy", "example", "--version", "slow", "--limit", "bank_1"]
    first = subprocess.Popen(
        [program, *words, "-i", str(rollouts.twin.inventory), "--journal",
         str(rollouts.folder / "journal.db"), "--report", str(rollouts.folder / "cancelled.json")],
        cwd=TREE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: "pi-1-2 example slow" in rollouts.assigned(1), "the bank is told", 60)
        status, found = rollouts.command(*words)
        assert status == 1
        assert "a roll-out is running already (process " in found["error"]
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 130
    finally:
        first.kill()
    report = json.loads((rollouts.folder / "cancelled.json").read_text())
    assert outcomes(report)["pi-1-1"] == "ok"
    assert set(outcomes(report).values()) == {"ok", "open"}
    until(lambda: rollouts.heard("pi-1-4")["example"]["version"] == "slow", "it went on", 60)
    until(lambda: rollouts.state("pi-1-4", "example") == "ok", "it is well", 60)


def test_a_batch_that_loses_too_many_stops_it(rollouts: Rollouts) -> None:
    """Two fail and one has crashed: with a budget of two, the next bank is not touched."""
    bad = rollouts.folder / "bad"
    shutil.copytree(TREE / "roles/workload_example/files/workload", bad)
    check = "case $NODE in pi-1-2|pi-1-5) echo it burns; exit 1;; esac\n"
    (bad / "check").write_text(f"#!/bin/sh\n{check}exit 0\n")
    (bad / "workload.conf").write_text("memory_mib=16\nstart_s=4\n")
    rollouts.deliver(bad, "bad")
    strike(rollouts.twin, "pi-1-4", "crash")
    before = rollouts.assigned(2)
    words = ("deploy", "example", "--version", "bad", "--budget")
    status, report = rollouts.command(*words, "2")
    assert status == 3
    assert report["stopped"] == "bank 1 lost 3 of 5 boards, 2 are allowed"
    found = outcomes(report)
    assert {name: found[name] for name in found if found[name] != "ok"} == {
        "pi-1-2": "failed",
        "pi-1-4": "unreachable",
        "pi-1-5": "failed",
        **dict.fromkeys(("pi-2-1", "pi-2-2", "pi-2-3"), "untouched"),
    }
    assert {board["reason"] for board in report["boards"] if board["outcome"] == "failed"} == {
        "not healthy: it burns"
    }
    assert rollouts.assigned(2) == before
    assert rollouts.greeting("pi-2-1") == "hello from pi-2-1"
    status, report = rollouts.command(*words, "3")
    assert (status, report["stopped"], report["banks"][1]["ok"]) == (3, "", 3)


def test_it_goes_off_the_boards_again(rollouts: Rollouts) -> None:
    done = rollouts.playbook("undeploy", "-e", "rollout_answer_s=12")
    report = rollouts.report()
    assert counts(report) == {"ok": SLOTS - 1, "unreachable": 1}
    assert done.returncode != 0  # one board has crashed, and is not said to be well
    assert rollouts.heard("pi-1-3") == {}
    assert rollouts.on("pi-1-3", "ls /var/lib/picluster/work; pgrep -u nobody -l sh") == ""


def test_versions_that_nothing_uses_go(rollouts: Rollouts) -> None:
    again = ("deploy", "example", "--version", "1", "--limit", "bank_2")
    assert rollouts.command(*again)[0] == 0
    for version in ("a", "b"):
        rollouts.deliver(TREE / "roles/workload_example/files/workload", version)
    words = ["--keep", "1", "-i", str(rollouts.twin.inventory), "--json"]
    journal = ["--journal", str(rollouts.folder / "journal.db")]
    program = str(Path(sys.executable).with_name("picluster"))
    done = run([program, "workload", "prune", "example", *words, *journal])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["version"] for one in found["removed"]] == ["a", "bad"]
    assert {one["version"]: one["why"] for one in found["kept"]} == {
        "1": ["it is wanted", "pi-2-1 and 2 more are assigned it"],
        "2": ["it is latest"],
        "b": ["among the newest 1"],
        "slow": ["pi-1-4 runs it still"],  # it crashed with that, and has said nothing since
    }
    there = {path.name for path in rollouts.store.glob("artefacts/example/*") if path.is_dir()}
    assert there == {"1", "2", "b", "slow"}
    status, report = rollouts.command(*again, "--recheck")
    assert (status, counts(report)) == (0, {"ok": 3})


def test_a_java_application_computes_on_all_nodes(rollouts: Rollouts, tmp_path: Path) -> None:
    runtime = tmp_path / "jre"
    words = ["jlink", "--add-modules", "java.base", "--strip-debug", "--no-man-pages"]
    subprocess.run([*words, "--no-header-files", "--output", str(runtime)], check=True)
    jre = f"workload_java_app_jre={runtime}"
    done = rollouts.playbook("deploy", "-e", "workload=java_app", "-e", jre, "--limit", "bank_1")
    report = rollouts.report()
    names = [name for name, outcome in outcomes(report).items() if outcome == "ok"]
    assert names == ["pi-1-1", "pi-1-2", "pi-1-3", "pi-1-5", "pi-1-6"], done.stdout
    jar = rollouts.store / "artefacts/java_app/1/app.jar"
    addresses = [rollouts.twin.truth.boards()[name].address for name in names]
    inside = ["ip", "netns", "exec", f"picluster-{rollouts.twin.head.name}-control"]
    count = [*inside, "java", "-jar", str(jar), "count", "200000", "7070"]
    found = run([*count, *addresses])
    answers = [line.split() for line in found.stdout.splitlines()[:-1]]
    assert [address for address, _ in answers] == addresses
    assert sum(int(answer) for _, answer in answers) == 17984
    assert found.stdout.splitlines()[-1] == "primes below 200000: 17984"
    # one that has gone is named, and the next roll-out brings it back
    assert rollouts.on("pi-1-3", "pkill -KILL java; sleep 2; pgrep -r R,S,D java") == ""
    found = run([*count, *addresses])
    assert (found.returncode, "172.20.1.3 no answer: " in found.stdout) == (1, True)
    status, report = rollouts.command("deploy", "java_app", "--limit", "pi-1-3", "--recheck")
    assert (status, counts(report)) == (0, {"ok": 1})
    assert run([*count, *addresses]).returncode == 0


def test_boinc_computes_on_boards(rollouts: Rollouts, tmp_path: Path) -> None:
    """The project is in a place on the core switch; boards find it there."""
    control = Namespace(f"picluster-{rollouts.twin.head.name}-control", create=False)
    address = free_addresses(rollouts.twin.plan)[0]
    words = [sys.executable, "-m", "twin.devices.boinc_project", address, "18080"]
    key = tmp_path / "key"
    key.write_text("twin\n")
    key.chmod(0o600)
    with control.popen(words, cwd=TREE) as project:
        try:
            settings = {
                "workload": "boinc",
                "workload_boinc_project": f"http://{address}:18080/",
                "workload_boinc_account_key_file": str(key),
                "workload_boinc_options": "--skip_cpu_benchmarks --no_info_fetch",
                "workload_boinc_disk_gb": 0.03,
                "workload_boinc_sensor": "/run/twin/sys/class/thermal/thermal_zone0/temp",
            }
            boards = "pi-2-1,pi-2-2"
            done = rollouts.playbook("deploy", "-e", json.dumps(settings), "--limit", boards)
            assert counts(rollouts.report()) == {"ok": 2}, done.stdout
            read = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
            state = [sys.executable, "-c", read, f"http://{address}:18080/state"]
            until(lambda: len(json.loads(control.run(state))["answers"]) >= 2, "answers", 120)
            found = json.loads(control.run(state))
            assert found["hosts"] == ["pi-2-1", "pi-2-2"]
            assert found["answers"]["wu_1_0_out"] == "168"
            the_key_is_for_root_and_the_workload(rollouts, "pi-2-1")
            status, report = rollouts.command("undeploy", "boinc", "--limit", boards)
            assert (status, counts(report)) == (0, {"ok": 2})
            assert rollouts.on("pi-2-1", "pgrep boinc") == ""
        finally:
            project.kill()


def the_key_is_for_root_and_the_workload(rollouts: Rollouts, board: str) -> None:
    """On a board: its copy, the mounted export, and the export asked for by hand."""
    daemon = "setpriv --reuid daemon --regid daemon --init-groups"
    copy = "/var/lib/picluster/work/boinc/1/secret/account_key"
    shared = "/run/picluster/workloads/artefacts/boinc/1/secret/account_key"
    store = "/srv/picluster/export/workloads/artefacts/boinc/1/secret/account_key"
    url = f"nfs://172.20.0.10{store}?version=3&nfsport=2049&mountport=20048&uid=0&gid=0"
    for path in (copy, shared):
        assert rollouts.on(board, f"cat {path}") == "twin"
        assert rollouts.on(board, f"{daemon} cat {path} 2>/dev/null") == ""
    assert rollouts.on(board, f"nfs-cat '{url}'") == "twin"
    assert rollouts.on(board, f"{daemon} nfs-cat '{url}' 2>/dev/null") == ""
    assert rollouts.on(board, f"{daemon} ls -A {copy.rpartition('/')[0]} 2>/dev/null") == ""
    assert rollouts.on(board, f"stat -c '%U %a' {copy}") == "nobody 400"
    line = rollouts.on(board, "tr '\\0' ' ' < /proc/$(pgrep -o -x boinc)/cmdline")
    assert line.startswith("boinc --dir ")
    assert "twin" not in line


def test_kubernetes_agents_know_their_zone(rollouts: Rollouts, tmp_path: Path) -> None:
    """k3s is a stand-in that records how it is started; the rest is as on a node."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    token.chmod(0o600)
    variables = {"workload": "kubernetes", "workload_kubernetes_token_file": str(token),
                 **standin(tmp_path, "1")}  # fmt: skip
    boards, late = ("pi-1-1", "pi-2-1"), "pi-2-2"
    wrong = {**variables, "workload_kubernetes_k3s_sha256": "0" * 64}
    refused = rollouts.playbook("deploy", "-e", json.dumps(wrong))
    assert refused.returncode != 0
    assert f"not {'0' * 64}" in " ".join(refused.stdout.split())
    assert not (rollouts.store / "artefacts/kubernetes").exists()
    rollouts.twin.power([late], on=False)
    limit = ",".join((*boards, late))
    done = rollouts.playbook("deploy", "-e", json.dumps(variables), "--limit", limit)
    found = outcomes(rollouts.report())
    assert {name for name in found if found[name] == "ok"} == set(boards), done.stdout
    for board in boards:
        zone = f"domain_{board.split('-')[1]}"
        assert recorded(rollouts, board) == expected(rollouts, board, zone, token.read_text())
    # one that boots later is told the same
    rollouts.twin.power([late], on=True)
    until(lambda: rollouts.state(late, "kubernetes") == "ok", f"{late} has joined", 120)
    assert recorded(rollouts, late) == expected(rollouts, late, "domain_2", token.read_text())
    # containers and mounts go with it
    shims = "pgrep -f -c ^/var/lib/picluster/work/kubernetes/data/k3s/data/.*containerd-shim"
    mounts = "grep -c k3s /proc/mounts"
    assert (rollouts.on("pi-2-1", shims), rollouts.on("pi-2-1", mounts)) == ("1", "2")
    status, report = rollouts.command("undeploy", "kubernetes", "--limit", limit)
    assert (status, counts(report)) == (0, {"ok": 3})
    assert (rollouts.on("pi-2-1", shims), rollouts.on("pi-2-1", mounts)) == ("0", "0")
    assert rollouts.on("pi-2-1", "ls -d /var/lib/picluster/work/kubernetes 2>/dev/null") == ""


MPI = ("pi-1-1", "pi-1-2", "pi-1-3", "pi-2-1", "pi-2-2")
MPI_SETTINGS = "workload=mpi workload_mpi_drain_s=3"


@pytest.fixture(scope="module")
def jobs(rollouts: Rollouts) -> Iterator[Jobs]:
    """MPI's example on five boards of two banks."""
    with tempfile.TemporaryDirectory(prefix="picluster-test-") as name:
        Path(name).chmod(0o755)
        done = rollouts.playbook("deploy", "-e", MPI_SETTINGS, "--limit", ",".join(MPI))
        assert counts(rollouts.report()) == {"ok": len(MPI)}, done.stdout
        yield Jobs(rollouts.twin, Path(name), rollouts.folder / "journal.db")


def test_openmpi_computes_across_banks(rollouts: Rollouts, jobs: Jobs) -> None:
    plan = {board.name: board.address for board in rollouts.twin.truth.boards().values()}
    lines = [f"{plan[name]} slots=2 # {name}" for name in MPI]
    assert jobs.hosts("--slots", "2") == lines
    assert jobs.hosts("--slots", "2", "--limit", "bank_2") == lines[3:]
    status, out, said = jobs.run("--slots", "2", program="primes 200000")
    assert status == 0, said
    *ranks, total = out.splitlines()
    assert total == "primes below 200000: 17984"
    found = [line.split() for line in ranks]
    parts = [str(primes(20000 * rank, 20000 * (rank + 1))) for rank in range(10)]
    assert [(rank, count) for rank, _, count in found] == [
        (str(rank), count) for rank, count in enumerate(parts)
    ]
    assert sorted(node for _, node, _ in found) == sorted(MPI * 2)
    # no program runs as root there, and only what is on the boards can be run
    status, out, _ = jobs.run("--limit", "bank_2", program="-np 2 --map-by node id -un")
    assert (status, out.split()) == (0, ["nobody", "nobody"])
    status, _, said = jobs.run(program="-np 5 --map-by node nothing-there")
    assert status != 0
    assert "nothing-there" in said


def test_a_board_that_is_lost_ends_the_job_and_is_left_out_of_the_next(
    rollouts: Rollouts, jobs: Jobs
) -> None:
    job = jobs.start(program="-np 5 --map-by node primes 1000000000")
    try:
        until(lambda: rollouts.on("pi-2-2", "pgrep -u nobody -x primes") != "", "it computes")
        status, _, said = jobs.run("--limit", "pi-1-1", program="-np 1 primes 100")
        assert status != 0
        assert "pi-1-1 is at another job" in said
        strike(rollouts.twin, "pi-1-3", "crash")
        began = time.monotonic()
        status, out, said = ended(job, 120)
    finally:
        job.kill()
    print(f"mpirun noticed after {time.monotonic() - began:.1f} s")
    assert (status != 0, out) == (True, "")
    assert "172.20.1.3" in said
    assert "and the job with it on every board" in said
    left = "pgrep -u nobody -r R,S,D -x 'primes|orted' && echo still there"
    others = ",".join(name for name in MPI if name != "pi-1-3")
    until(lambda: "still there" not in rollouts.on(others, left), "nothing of the job is left", 40)
    status, out, said = jobs.run(program="-np 4 --map-by node primes 1000")
    assert (status, out.splitlines()[-1]) == (0, "primes below 1000: 168")
    assert "left out: pi-1-3 does not answer to ssh" in said


def test_a_workload_that_goes_ends_its_job(rollouts: Rollouts, jobs: Jobs) -> None:
    job = jobs.start("--limit", "bank_2", program="-np 2 --map-by node primes 1000000000")
    try:
        until(lambda: rollouts.on("pi-2-2", "pgrep -u nobody -x primes") != "", "it computes")
        status, report = rollouts.command("undeploy", "mpi", "--limit", "pi-2-2")
        assert (status, counts(report)) == (0, {"ok": 1})
        status, _, _ = ended(job, 60)
        assert status != 0
    finally:
        job.kill()
    left = "pgrep -u nobody -r R,S,D -x 'primes|orted'"
    until(lambda: rollouts.on("pi-2-2", left) == "", "nothing of the job is left", 20)
    assert jobs.hosts("--limit", "bank_2") == ["172.20.2.1 slots=4 # pi-2-1"]
