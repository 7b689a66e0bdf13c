"""YAML with the line of every value, so that a message can point at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from picluster.cluster.yaml_guard import unsafe
from picluster.errors import PiclusterError, Problem, os_errors, refusal, shown

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

#: Larger than any description; a bigger file is not one.
_LIMIT_BYTES = 16 * 1024 * 1024

_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A parsed YAML document.

    Attributes:
        name: file name for messages.
        data: plain data.
        root: the node tree behind it.
    """

    name: str
    data: Any
    root: yaml.Node

    def line(self, path: Path_) -> int:
        """1-based line of the value (or key) at ``path``; that of its nearest parent if absent."""
        node, line = self.root, self.root.start_mark.line + 1
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            node, line = found
        return line

    def problem(self, path: Path_, what: str, remedy: str = "") -> Problem:
        """A problem that points at ``path``."""
        return Problem(what, remedy, self.name, self.line(path))


def _step(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item, item.start_mark.line + 1
    return None


def load_yaml(path: Path) -> YamlFile:
    """Read a YAML file.

    Raises:
        PiclusterError: unreadable, too large, not UTF-8, not YAML, or a key given twice; with
            file, line and remedy.
    """
    text = _text(path)
    try:
        danger = unsafe(yaml.parse(text, SafeLoader))
        if danger is not None:
            raise refusal(danger[0], "write it out plainly", file=path, line=danger[1])
        root, data = _parsed(text, path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise refusal(
            f"not YAML: {what}",
            "correct the line",
            file=path,
            line=mark.line + 1 if mark is not None else None,
        ) from error
    return YamlFile(str(path), data, root)


def _text(path: Path) -> str:
    with os_errors("read the file", path):
        if not path.is_file():
            path.stat()  # says why, when there is none
            raise refusal("not a regular file", "name a description", file=path)
        size = path.stat().st_size
        if size > _LIMIT_BYTES:
            raise refusal(f"{size} bytes are more than a description holds", file=path)
        raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(
            f"byte {shown(raw[error.start : error.start + 1])} is not UTF-8",
            "save the file as UTF-8",
            file=path,
            line=raw.count(b"\n", 0, error.start) + 1,
        ) from error


def _parsed(text: str, path: Path) -> tuple[yaml.Node, Any]:
    loader = SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise refusal("the file is empty", "describe a cluster in it", file=path)
        _refuse_surprises(root, str(path))
        try:
            return root, loader.construct_document(root)
        except (ValueError, KeyError, AttributeError) as error:  # dates, numbers, tags of YAML
            what = f"a value YAML takes for a date, number or tag and cannot read: {error}"
            raise refusal(what, "put it in quotes", file=path) from error
    finally:
        loader.dispose()


def _refuse_surprises(root: yaml.Node, file: str) -> None:
    """Refuse keys given twice, and numbers that YAML 1.1 reads as base 60, 16, 8 or 2."""
    problems: list[Problem] = []
    stack, visited = [root], set[int]()
    while stack:
        node = stack.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            stack.extend(node.value)
        elif isinstance(node, yaml.ScalarNode):
            if node.tag == "tag:yaml.org,2002:int" and not _DECIMAL.fullmatch(node.value):
                what = f"{shown(node.value)} is no plain decimal number"
                line = node.start_mark.line + 1
                problems.append(Problem(what, "put a name in quotes", file, line))
        elif isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if key.value in seen and isinstance(key, yaml.ScalarNode):
                    what = f"key {shown(key.value)} stands already in line {seen[key.value]}"
                    problems.append(Problem(what, "keep one of them", file, line))
                else:
                    seen[str(key.value)] = line
                stack.append(value)
    if problems:
        raise PiclusterError(sorted(problems, key=lambda problem: problem.line or 0))
