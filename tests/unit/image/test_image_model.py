"""What a boot server told, as versions with their users."""

from picluster.image.model import store_of

TOLD = {
    "versions": [
        {"name": "new", "manifest": {"kernel": "6"}, "published": True, "damage": ""},
        {"name": "old", "manifest": {}, "published": False, "damage": "no manifest"},
    ],
    "pointers": {"current": "old", "canary": "new", "previous": ""},
    "plan": {"current": ["pi-2-1", "pi-2-2"], "canary": ["pi-1-1"], "new": ["pi-3-1"]},
    "live": {"old": ["pi-2-1"]},
    "unknown": ["172.20.1.9"],
    "plan_error": "",
}


def test_versions_know_who_boots_and_who_runs_them() -> None:
    new, old = store_of("head", TOLD).versions
    assert (new.pointers, new.planned, new.live) == (("canary",), ("pi-3-1", "pi-1-1"), ())
    assert (old.pointers, old.planned, old.live) == (
        ("current",),
        ("pi-2-1", "pi-2-2"),
        ("pi-2-1",),
    )
    assert old.damage == "no manifest"


def test_a_pointer_names_its_version() -> None:
    store = store_of("head", TOLD)
    assert store.find("current") is store.versions[1]
    assert store.find("new") is store.versions[0]
    assert store.find("previous") is None, "nothing is previous"
    assert store.find("other") is None
