"""Write docs/reference from what the code is checked against: schema, roles, plugins, commands.

``python docs/make.py`` writes; ``--check`` says what is out of date and exits with 1.
"""

from __future__ import annotations

import argparse
import inspect
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import add_fragments

from picluster import cli
from picluster.campaign.diagnose.rules import RULES
from picluster.campaign.settings import Settings, Timeouts
from picluster.campaign.stages import Stage
from picluster.cluster.load import schema
from picluster.harvest.formats import FORMATS

TREE = Path(__file__).resolve().parents[1]
OUT = TREE / "docs" / "reference"
_MARK = "<!-- Written by docs/make.py; change what it reads instead. -->"


def _page(title: str, lines: Iterator[str]) -> str:
    return "\n".join([_MARK, f"# {title}", "", *lines]).rstrip() + "\n"


def _description() -> Iterator[str]:
    top = schema()
    yield top["description"]
    yield ""
    yield from _table(top, top)
    yield "A `server` is:"
    yield ""
    yield from _table(top["$defs"]["server"], top)
    for key, part in top["properties"].items():
        inner = part.get("items", part)
        if "properties" in inner:
            yield f"## {key}"
            yield ""
            yield part.get("description", "")
            yield ""
            yield from _table(inner, top)


def _table(part: dict[str, Any], top: dict[str, Any]) -> Iterator[str]:
    yield "| key | type | meaning |"
    yield "| --- | --- | --- |"
    for key, value in part["properties"].items():
        needed = " (required)" if key in part.get("required", ()) else ""
        text = value.get("description", "").replace("|", "\\|")
        yield f"| `{key}`{needed} | {_type(value, top)} | {text} |"
    yield ""


def _type(value: dict[str, Any], top: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[1]
        return name.replace("_", " ")
    if "enum" in value:
        return ", ".join(f"`{item}`" for item in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    kind = value.get("type", "any")
    if kind == "array":
        return f"list of {_type(value.get('items', {}), top)}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _roles() -> Iterator[str]:
    for path in sorted((TREE / "roles").glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text())["argument_specs"]
        defaults = path.parents[1] / "defaults" / "main.yml"
        values = yaml.safe_load(defaults.read_text()) if defaults.exists() else {}
        main = specs["main"]
        yield f"## {path.parents[1].name}"
        yield ""
        yield _text(main.get("description", main["short_description"]))
        yield ""
        if main.get("options"):
            yield "| variable | type | default | meaning |"
            yield "| --- | --- | --- | --- |"
        for name, option in main.get("options", {}).items():
            default = yaml.safe_dump((values or {}).get(name), default_flow_style=True, width=9999)
            shown = default.replace("\n...", "").strip().replace("|", "\\|")
            shown = f"`{shown}`" if name in (values or {}) else "required"
            text = _text(option.get("description", "")).replace("|", "\\|").replace("\n", " ")
            yield f"| `{name}` | {option.get('type', 'str')} | {shown} | {text} |"
        yield ""


def _text(value: str | list[str]) -> str:
    text = value if isinstance(value, str) else " ".join(value)
    text = re.sub(r"[MVO]\(([^)]*)\)", r"`\1`", text)
    return re.sub(r"[CIB]\(([^)]*)\)", r"`\1`", text).strip()


def _plugins() -> Iterator[str]:
    fragment_loader.add_directory(str(TREE / "plugins" / "doc_fragments"))
    for folder in ("inventory", "modules"):
        for path in sorted((TREE / "plugins" / folder).glob("*.py")):
            text = path.read_text()
            doc = _block(text, "DOCUMENTATION")
            if doc is None:
                continue
            about = yaml.safe_load(doc)
            add_fragments(about, str(path), fragment_loader)
            yield f"## {path.stem}"
            yield ""
            yield _text(about["short_description"]) + "."
            yield ""
            yield _text(about["description"])
            yield ""
            yield "| option | type | meaning |"
            yield "| --- | --- | --- |"
            for name, option in about["options"].items():
                meaning = _text(option["description"]).replace("|", "\\|")
                yield f"| `{name}` | {option.get('type', 'str')} | {meaning} |"
            yield ""
            yield "```yaml"
            yield (_block(text, "EXAMPLES") or "").strip()
            yield "```"
            yield ""


def _block(text: str, name: str) -> str | None:
    match = re.search(rf'^{name} = r?"""(.*?)"""', text, re.MULTILINE | re.DOTALL)
    return match[1] if match else None


def _command() -> Iterator[str]:
    parser = cli.parser()
    yield "```text"
    yield parser.format_help().rstrip()
    yield "```"
    yield ""
    yield from _commands(parser)


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield f"## {sub.prog}"
                yield ""
                yield "```text"
                yield sub.format_help().rstrip()
                yield "```"
                yield ""
                yield from _commands(sub)


def _formats() -> Iterator[str]:
    yield "The harvest finds a file's format by its first lines; `--format` forces one."
    yield ""
    yield "| format | what it is |"
    yield "| --- | --- |"
    for form in sorted(FORMATS, key=lambda form: form.name):
        yield f"| `{form.name}` | {form.title} |"


def _campaign() -> Iterator[str]:
    yield "What a campaign can be told, and what it tells. How to use it is in"
    yield "[the how-to](../campaign.md)."
    yield ""
    for title, settings in (("Settings", Settings), ("Timeouts", Timeouts)):
        yield f"## {title}"
        yield ""
        yield "| name | default | meaning |"
        yield "| --- | --- | --- |"
        about = _attributes(settings)
        for one in fields(settings):
            if one.name != "timeouts":
                default = "all" if one.default is None else f"{one.default:.4g}"
                yield f"| `{one.name}` | {default} | {about[one.name]} |"
        yield ""
    yield "## Causes"
    yield ""
    yield "In this order: the first that fits is named. Words in braces are facts of the board."
    yield ""
    yield "| key | fails at | cause | remedy | a cycle helps |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in RULES:
        at = ", ".join(sorted((s.value for s in rule.stages), key=list(Stage).index)) or "any"
        yield f"| `{rule.key}` | {at} | {rule.cause} | {rule.remedy} | {rule.cure.value} |"


def _attributes(described: type) -> dict[str, str]:
    """The attributes a docstring explains."""
    text = (inspect.getdoc(described) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", text, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", words).replace("``", "`") for name, words in found}


PAGES = {
    "cluster-description.md": ("Cluster description", _description),
    "roles.md": ("Roles", _roles),
    "plugins.md": ("Plugins and modules", _plugins),
    "command.md": ("The picluster command", _command),
    "harvest-formats.md": ("Harvest formats", _formats),
    "campaign.md": ("Campaigns", _campaign),
}


def main() -> int:
    """Write or check every page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    os.environ["COLUMNS"] = "100"
    stale = []
    for name, (title, make) in PAGES.items():
        text = _page(title, make())
        path = OUT / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not options.check:
                OUT.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    if stale:
        print(("out of date: " if options.check else "written: ") + ", ".join(stale))
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
