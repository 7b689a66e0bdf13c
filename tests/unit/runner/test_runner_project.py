"""The inventory a command takes when none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from picluster import cli
from picluster.errors import PiclusterError
from picluster.runner import default_inventory


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose ``ansible.cfg`` is still to be written; the current folder is below it."""
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    monkeypatch.chdir(tmp_path / "playbooks")
    return tmp_path


def test_it_is_that_of_the_project_around_the_current_folder(project: Path) -> None:
    (project / "ansible.cfg").write_text("[defaults]\ninventory = inventory/%mine\n")
    assert default_inventory({}) == project / "inventory" / "%mine"


def test_a_project_without_one_is_refused(project: Path) -> None:
    with pytest.raises(PiclusterError) as refused:
        default_inventory({})
    assert str(refused.value) == f"{project}/ansible.cfg: it names no inventory; give one with -i"


def test_commands_that_read_take_it_and_those_that_change_do_not(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository / "docs")
    assert cli.main(["plan", "--bank", "11", "--csv"]) == 0
    assert "pi-11-1," in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        cli.main(["power", "off", "bank_11"])
    assert ended.value.code == 2
    assert "-i" in capsys.readouterr().err
