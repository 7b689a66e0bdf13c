"""Read and check a cluster description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator, extend

from picluster.cluster.build import Builder
from picluster.cluster.model import Cluster
from picluster.cluster.yaml_file import YamlFile, load_yaml
from picluster.errors import PiclusterError, Problem, os_errors, refusal, shown

#: How a description's file name ends.
SUFFIXES = (".picluster.yml", ".picluster.yaml")


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of a description."""
    text = resources.files("picluster.cluster").joinpath("schema.json").read_text("utf-8")
    return dict(json.loads(text))


def find_description(inventory: Path) -> Path:
    """The description an ``-i`` argument means: the file itself, or the one in that folder.

    Raises:
        PiclusterError: no such file, none or more than one in the folder.
    """
    if inventory.is_file():
        return inventory
    if not inventory.is_dir():
        raise refusal(
            "no such inventory", "name a folder under inventory/ or its description", file=inventory
        )
    with os_errors("read the folder", inventory):
        found = sorted(path for path in inventory.iterdir() if path.name.endswith(SUFFIXES))
    if len(found) != 1:
        what = "no *.picluster.yml in this folder" if not found else "several descriptions: "
        raise refusal(
            what + ", ".join(path.name for path in found), "name one of them", file=inventory
        )
    return found[0]


def load_cluster(path: Path) -> Cluster:
    """Read a description and check it against the schema and in itself.

    Args:
        path: the file, ``<cluster>.picluster.yml``.

    Raises:
        PiclusterError: every offence with file, line, value and remedy.
    """
    document = load_yaml(path)
    problems = [_problem(document, error) for error in _errors(document.data)]
    if problems:
        raise PiclusterError(problems)
    return Builder(document, path).cluster()


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """A pattern must match all of a text: ``$`` alone lets a newline follow."""
    if isinstance(instance, str) and not re.fullmatch(pattern.removesuffix("$"), instance):
        yield ValidationError(f"does not match {pattern}")


# JSON Schema takes 1.0 for an integer; it would name a node pi-1.0-1.
_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def _errors(data: Any) -> list[ValidationError]:
    validator = _Validator(schema())
    return sorted(validator.iter_errors(data), key=lambda error: list(map(str, error.path)))


def _problem(document: YamlFile, error: ValidationError) -> Problem:
    path = tuple(error.absolute_path)
    where = ".".join(map(str, path)) or "the description"
    part: dict[str, Any] = dict(error.schema) if isinstance(error.schema, Mapping) else {}
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = sorted(part.get("properties", ()))
        unknown = [key for key in instance if key not in known]
        at = (*path, unknown[0]) if unknown else path
        names = ", ".join(shown(key) for key in unknown)
        return document.problem(at, f"unknown key {names} in {where}", "known: " + ", ".join(known))
    if error.validator == "required":
        missing = [key for key in part["required"] if key not in instance]
        return document.problem(path, f"{where} lacks {', '.join(missing)}", "add it")
    remedy = f"{_wanted(error)}: {_described(error)}".removesuffix(": ")
    return document.problem(path, f"{where} is {shown(instance)}", remedy)


def _described(error: ValidationError) -> str:
    """What the schema says of the key: the last description on the way to the error."""
    part: Any = schema()
    said = str(part["description"])
    for step in error.absolute_schema_path:
        if isinstance(part, dict) and "$ref" in part:
            part = schema()["$defs"][part["$ref"].rsplit("/", 1)[1]]
        part = part[step]
        if isinstance(part, dict):
            said = str(part.get("description", said))
    return said


def _wanted(error: ValidationError) -> str:
    value: Any = error.validator_value
    return {
        "type": f"wanted is {value}",
        "pattern": f"wanted is a text that matches {value}",
        "enum": f"wanted is one of {value}",
        "const": f"wanted is {value}",
        "minimum": f"the least is {value}",
        "maximum": f"the most is {value}",
    }.get(str(error.validator), error.message.splitlines()[0][:200])
