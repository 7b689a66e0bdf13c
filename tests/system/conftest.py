"""A head in a container and its rack network, shared by the system tests of a session."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from head_support import MINI, stock
from image_support import DESCRIPTION, build

from picluster.cluster.load import find_description, load_cluster
from picluster.errors import PiclusterError
from twin.head import Head
from twin.head.container import check_machine
from twin.head.playbook import Outcome, play
from twin.machine.login import Login, trust
from twin.net import command
from twin.rack import Rack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picluster.cluster.model import Cluster

HERE = Path(__file__).parent
#: Name of the session's head; two sessions on one machine at once need two names.
NAME = os.environ.get("PICLUSTER_TEST_HEAD", "test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def machine() -> None:
    """Skip where no head can run."""
    try:
        check_machine()
    except PiclusterError as error:
        pytest.skip(f"no head can run here: {error}")


@pytest.fixture(scope="session")
def mini() -> Cluster:
    return load_cluster(find_description(MINI))


@pytest.fixture(scope="session")
def rack(machine: None, mini: Cluster) -> Iterator[Rack]:  # noqa: ARG001
    """The rack network of ``mini``."""
    with Rack(NAME, [bank.number for bank in mini.banks]) as network:
        yield network


@pytest.fixture(scope="session")
def head(rack: Rack, mini: Cluster) -> Iterator[Head]:
    """A bare head on that rack: nothing of the project has touched it."""
    with Head.of(mini, NAME, rack) as node:
        yield node


@pytest.fixture(scope="session")
def checked(head: Head) -> tuple[Outcome, list[str], list[str]]:
    """A ``--check --diff`` of the bare head, with what the head held before and after."""
    before = stock(head)
    outcome = play(head, MINI, args=["--check", "--diff"])
    return outcome, before, stock(head)


@pytest.fixture(scope="session")
def converged(head: Head, checked: object) -> Outcome:  # noqa: ARG001
    """The first run of ``site.yml`` on the head, which only checks have seen before."""
    outcome = play(head, MINI)
    assert outcome.status == 0, outcome.explain()
    return outcome


@pytest.fixture(scope="session")
def configured_head(head: Head, converged: Outcome) -> Head:
    """The head of ``mini``, configured by ``site.yml``."""
    assert converged.changed(), "the head was not bare"
    return head


@pytest.fixture(scope="session")
def login(
    configured_head: Head, rack: Rack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Login]:
    """The way into nodes of the head, from a place on the core switch."""
    folder = tmp_path_factory.mktemp("login")
    key, known_hosts = folder / "id_ed25519", folder / "known_hosts"
    command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)])
    trust(configured_head, DESCRIPTION, known_hosts)
    with rack.client("172.20.0.200/16") as namespace:
        yield Login(namespace, key, known_hosts)


@pytest.fixture(scope="session")
def debian_image(configured_head: Head, login: Login) -> dict[str, Any]:
    """Manifest of a Debian image built on the head, which every bank boots."""
    key = login.key.with_suffix(".pub").read_text().strip()
    keys = json.dumps({"node_image_authorized_keys": [key]})
    return build(configured_head, keys, promote="all")
