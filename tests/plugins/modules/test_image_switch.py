"""Publishing, promoting and going back, also when the run is killed anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.image_factory import boot_files, make_version
from tests.plugins.modules.killing import NO_DISK, runs_killed

RunModules = Callable[[list[tuple[str, dict[str, Any], bool]]], list[dict[str, Any]]]
Pointers = dict[str, str | None]

BARE: Pointers = {"current": "", "canary": "", "previous": None}


def pointers(current: str | None, canary: str | None, previous: str | None) -> Pointers:
    return {"current": current, "canary": canary, "previous": previous}


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NO_DISK:
        monkeypatch.setattr(os, name, lambda *_: None)


@pytest.fixture
def store(image_store: ModuleType, image_switch: ModuleType, tmp_path: Path) -> Any:
    """A store with three published versions and pointers to the bare boot files."""
    found = image_store.ImageStore(tmp_path / "export", tmp_path / "tftp")
    found.staged.mkdir(parents=True)
    for day, name in enumerate(("v1", "v2", "v3"), 1):
        make_version(found.images, name, day=day)
        image_switch.publish(found, name)
    image_switch.carry_out(found, "initial")
    return found


def published(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(image_store: ModuleType, act: Callable[[], object]) -> str:
    with pytest.raises(image_store.StoreError) as error:
        act()
    return str(error.value)


# ---- publishing


def test_a_published_version_is_readable_for_the_daemon(store: Any) -> None:
    assert published(store.staged / "v1") == boot_files("v1")
    modes = {path.stat().st_mode & 0o777 for path in (store.staged / "v1").iterdir()}
    assert modes == {0o644}
    assert (store.staged / "v1").stat().st_mode & 0o777 == 0o755


def test_a_damaged_version_is_not_published(
    store: Any, image_store: ModuleType, image_switch: ModuleType
) -> None:
    make_version(store.images, "v4")
    (store.images / "v4" / "root" / "new").touch()
    said = refused(image_store, lambda: image_switch.publish(store, "v4"))
    assert said == "image version v4 is damaged: root: new is new"
    assert store.staged_names() == ["v1", "v2", "v3"]


def test_a_killed_publication_leaves_nothing_or_all(store: Any, image_switch: ModuleType) -> None:
    make_version(store.images, "v4")
    kills = 0
    for _ in runs_killed(lambda: image_switch.publish(store, "v4")):
        kills += 1
        if (store.staged / "v4").exists():
            assert published(store.staged / "v4") == boot_files("v4")
    assert kills > len(boot_files("v4"))
    assert sorted(path.name for path in store.staged.iterdir()) == [
        "canary", "current", "v1", "v2", "v3", "v4",
    ]  # fmt: skip


def test_damaged_boot_files_are_published_anew(store: Any, image_switch: ModuleType) -> None:
    (store.staged / "v1" / "kernel8.img").write_bytes(b"")
    manifest = store.manifest("v1")
    assert not store.is_published("v1", manifest)
    image_switch.publish(store, "v1")
    assert store.is_published("v1", manifest)


# ---- promoting and going back


def test_the_way_of_a_version(store: Any, image_switch: ModuleType) -> None:
    act = image_switch.carry_out
    assert store.pointers() == BARE
    steps = [
        (("promote", "v1", "canary"), pointers("", "v1", None)),
        (("promote", "v1", "all"), pointers("v1", "v1", None)),
        (("promote", "v2", "canary"), pointers("v1", "v2", None)),
        (("promote", "v2", "all"), pointers("v2", "v2", "v1")),
        (("promote", "v2", "all"), pointers("v2", "v2", "v1")),
        (("promote", "v3", "canary"), pointers("v2", "v3", "v1")),
        (("rollback",), pointers("v1", "v1", "v2")),
        (("rollback",), pointers("v2", "v2", "v1")),
        (("rollback", "v1"), pointers("v1", "v1", "v2")),
        (("rollback", "v1"), pointers("v1", "v1", "v2")),
        (("promote", "v3", "all"), pointers("v3", "v3", "v1")),
        (("initial",), pointers("v3", "v3", "v1")),
    ]
    for words, after in steps:
        before = store.pointers()
        assert act(store, *words, write=False) == after
        assert store.pointers() == before
        assert act(store, *words) == store.pointers() == after
    assert str((store.staged / "current").readlink()) == "v3"


def absent(store: Any) -> None:
    del store


def unpublished(store: Any) -> None:
    (store.staged / "v1").rename(store.staged / ".away")


def damaged_copy(store: Any) -> None:
    (store.staged / "v1" / "kernel8.img").write_bytes(b"")


def damaged_build(store: Any) -> None:
    (store.images / "v1" / "boot" / "kernel8.img").write_bytes(b"")


def rootless(store: Any) -> None:
    (store.images / "v1" / "root").rename(store.images / ".away")


@pytest.mark.parametrize(
    ("spoil", "version", "said"),
    [
        (absent, "v9", "there is no image version v9 in {images}; there: v1, v2, v3"),
        (absent, "current", "'current' is no name of an image version"),
        (unpublished, "v1", "image version v1 is not published here; publish it first"),
        (
            damaged_copy,
            "v1",
            "boot files of image version v1 in {staged}/v1 are damaged: "
            "boot file kernel8.img is changed; publish it again",
        ),
        (damaged_build, "v1", "image version v1 is damaged: boot file kernel8.img is changed"),
        (rootless, "v1", "image version v1 is damaged: root is missing"),
    ],
)
def test_what_boards_cannot_boot_is_not_promoted(
    store: Any,
    image_store: ModuleType,
    image_switch: ModuleType,
    spoil: Any,
    version: str,
    said: str,
) -> None:
    spoil(store)
    for target in ("canary", "all"):
        with pytest.raises(image_store.StoreError) as error:
            image_switch.carry_out(store, "promote", version, target)
        assert str(error.value) == said.format(images=store.images, staged=store.staged)
    assert store.pointers() == BARE


def test_there_is_no_way_back_without_a_previous_version(
    store: Any, image_store: ModuleType, image_switch: ModuleType
) -> None:
    act = image_switch.carry_out
    said = "there is no previous image version to go back to; promote one"
    assert refused(image_store, lambda: act(store, "rollback")) == said
    act(store, "promote", "v1", "all")
    assert refused(image_store, lambda: act(store, "rollback")) == said
    act(store, "promote", "v2", "all")
    assert refused(image_store, lambda: act(store, "rollback", "v3")) == (
        "image version v3 is not the previous one, v1 is; promote it instead"
    )
    damaged_copy(store)
    assert "are damaged" in refused(image_store, lambda: act(store, "rollback"))
    assert store.pointers() == pointers("v2", "v2", "v1")


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (("promote", "v3", "all"), pointers("v3", "v3", "v2")),
        (("promote", "v3", "canary"), pointers("v2", "v3", "v1")),
        (("rollback",), pointers("v1", "v1", "v2")),
    ],
)
def test_a_killed_switch_leaves_old_or_new_and_is_ended_by_the_next(
    store: Any, image_switch: ModuleType, words: tuple[str, ...], after: Pointers
) -> None:
    act = image_switch.carry_out
    before = pointers("v2", "v2", "v1")
    seen = set()

    def put_back() -> None:
        for path in store.staged.glob(".*"):
            path.unlink()
        act(store, "promote", "v1", "all")
        act(store, "promote", "v2", "all")
        assert store.pointers() == before

    put_back()
    for _ in runs_killed(lambda: act(store, *words)):
        found = store.pointers()
        seen.add(tuple(found.values()))
        for name, version in found.items():
            assert version in (before[name], after[name])
        done = found == after and image_switch.begun(store) is None
        if not done:  # one more of the same; a second way back would go forward again
            assert act(store, *words, write=False) == after
            assert act(store, *words) == store.pointers() == after
        assert image_switch.begun(store) is None
        put_back()
    assert {tuple(before.values()), tuple(after.values())} <= seen


def test_another_switch_first_ends_the_one_that_was_killed(
    store: Any, image_switch: ModuleType
) -> None:
    act = image_switch.carry_out
    act(store, "promote", "v1", "all")
    (store.staged / ".switch.json").write_text(
        '{"operation": "promote", "pointers": {"current": "v2", "canary": "v2", "previous": "v1"}}'
    )
    assert store.pointers() == pointers("v1", "v1", None)
    assert act(store, "rollback", write=False) == pointers("v1", "v1", "v2")
    assert act(store, "rollback") == store.pointers() == pointers("v1", "v1", "v2")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"operation": "promote", "pointers": {"../x": "v1"}}',
     '{"operation": "promote", "pointers": {"current": "../../etc"}}',
     '{"operation": "promote", "pointers": []}'],
)  # fmt: skip
def test_a_note_that_no_run_wrote_is_refused(
    store: Any, image_store: ModuleType, image_switch: ModuleType, text: str
) -> None:
    path = store.staged / ".switch.json"
    path.write_text(text)
    said = refused(image_store, lambda: image_switch.carry_out(store, "promote", "v1", "all"))
    assert said.startswith(f"{path} is no note of a switch: ")
    assert said.endswith("; remove it")
    assert store.pointers() == BARE


# ---- the modules


def test_the_modules_check_before_they_write_and_do_nothing_twice(
    run_modules: RunModules, tmp_path: Path
) -> None:
    roots = {"export_root": str(tmp_path / "export"), "tftp_root": str(tmp_path / "tftp")}
    for day, name in enumerate(("v1", "v2"), 1):
        make_version(tmp_path / "export" / "images", name, day=day)
    promote = {"operation": "promote", "target": "all"}
    steps = [
        ("image_publish", {"version": "v1"}),
        ("image_publish", {"version": "v2"}),
        ("image_pointer", {"operation": "initial"}),
        ("image_pointer", {**promote, "version": "v1"}),
        ("image_pointer", {**promote, "version": "v2"}),
        ("image_pointer", {"operation": "rollback", "version": "v1"}),
    ]
    wrong = [
        ("image_publish", {"version": "v9"}),
        ("image_pointer", {**promote, "target": "some", "version": "v1"}),
        ("image_pointer", {**promote}),
    ]
    ways = [True, False, False]
    calls = [(name, options, check) for name, options in steps for check in ways]
    calls += [(name, options, False) for name, options in wrong]
    results = run_modules([(name, {**options, **roots}, check) for name, options, check in calls])
    for number, step in enumerate(steps):
        checked, done, again = results[3 * number : 3 * number + 3]
        found = [result["changed"] for result in (checked, done, again)]
        assert found == [True, True, False], (step, checked, done, again)
        assert checked["diff"] == done["diff"]
        assert again["diff"]["before"] == again["diff"]["after"]
    assert again["pointers"] == {"current": "v1", "canary": "v1", "previous": "v2"}
    said = [result["msg"] for result in results[-len(wrong) :]]
    assert said[0].startswith("there is no image version v9 in ")
    assert "must be one of: canary, all" in said[1]
    assert said[2] == "operation is promote but all of the following are missing: version"
