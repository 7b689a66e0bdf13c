"""``python -m twin.samples -i INVENTORY FOLDER``: write sample sources and registry."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from picluster.cluster.load import find_description, load_cluster
from picluster.errors import PiclusterError
from picluster.plan.build import build_plan
from picluster.registry.model import Registry
from picluster.registry.sample import sample_entries, sample_text
from twin.samples.tables import samples


def main() -> int:
    """Write the files."""
    parser = argparse.ArgumentParser(prog="python -m twin.samples", description=__doc__)
    parser.add_argument("-i", "--inventory", type=Path, required=True, help="the cluster")
    parser.add_argument("--registry", action="store_true", help="write its sample registry too")
    parser.add_argument("folder", type=Path, help="where the sources go")
    options = parser.parse_args()
    try:
        cluster = load_cluster(find_description(options.inventory))
        plan = build_plan(cluster, Registry(cluster.registry, sample_entries(cluster)))
    except PiclusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in samples(plan).items():
        (options.folder / name).write_text(text)
    if options.registry:
        cluster.registry.write_text(sample_text(cluster))
    return 0


if __name__ == "__main__":
    sys.exit(main())
