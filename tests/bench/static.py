"""An inventory as static YAML: the same hosts, variables and groups, as one would write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from picluster.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Variables = Mapping[str, Any]

_META = "_meta"
_NOT_GROUPS = (_META, "all", "ungrouped")
#: Ansible adds it to every host.
_FACTS = "ansible_local"


def write_static(listing: Path, target: Path) -> None:
    """Write the hosts, their variables and their groups that ``--list`` gave as static YAML.

    What every host has in common is written once, as a variable of ``all``; the rest stands with
    each host.

    Args:
        listing: output of ``ansible-inventory --list``.
        target: the YAML file.
    """
    hosts, groups = _content(listing)
    with target.open("w") as file:
        file.writelines(_lines(hosts, groups))


def check_same(one: Path, other: Path) -> None:
    """Refuse two listings that differ in hosts, variables or groups; order does not count.

    Raises:
        PiclusterError: they differ.
    """
    if _content(one) != _content(other):
        raise refusal("the static inventory is not the same inventory", file=other)


def _content(listing: Path) -> tuple[Mapping[str, Variables], Mapping[str, list[str]]]:
    data = json.loads(listing.read_text())
    hosts = {
        host: {name: _bare(value) for name, value in variables.items() if name != _FACTS}
        for host, variables in data[_META]["hostvars"].items()
    }
    groups = {
        name: sorted(content["hosts"])
        for name, content in data.items()
        if name not in _NOT_GROUPS and content.get("hosts")
    }
    return hosts, groups


def _bare(value: Any) -> Any:
    """The text in the mapping that a listing wraps around text which may hold a template."""
    return value.get("__ansible_unsafe", value) if isinstance(value, dict) else value


def _lines(hosts: Mapping[str, Variables], groups: Mapping[str, list[str]]) -> Iterator[str]:
    common = _common(hosts)
    yield "all:\n  vars:\n"
    yield from _variables(4, common)
    yield "  hosts:\n"
    for host, variables in hosts.items():
        yield f"    {host}:\n"
        own = {name: value for name, value in variables.items() if name not in common}
        yield from _variables(6, own)
    yield "  children:\n"
    for group, members in groups.items():
        yield f"    {group}:\n      hosts:\n"
        yield from (f"        {host}:\n" for host in members)


def _common(hosts: Mapping[str, Variables]) -> Variables:
    first, *others = hosts.values()
    names = [name for name in first if all(name in variables for variables in others)]
    return {
        name: first[name]
        for name in names
        if all(variables[name] == first[name] for variables in others)
    }


def _variables(indent: int, variables: Variables) -> Iterator[str]:
    # A JSON scalar is a YAML scalar.
    return (f"{' ' * indent}{name}: {json.dumps(value)}\n" for name, value in variables.items())
