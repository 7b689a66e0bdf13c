"""``python -m twin.image``: build the image of the twin's nodes, unless it is kept."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from picluster.errors import PiclusterError
from twin.image import ensure_image

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Print version and archive of the image.

    Returns:
        Exit status: 0, or 1 when it cannot be built.
    """
    parser = argparse.ArgumentParser(prog="python -m twin.image", description=__doc__)
    parser.add_argument("--name", default="image", help="name of the head (default: %(default)s)")
    parser.add_argument("-e", "--wishes", default="{}", help="variables of the role as JSON")
    arguments = parser.parse_args(words)
    try:
        image = ensure_image(json.loads(arguments.wishes), name=arguments.name, show=True)
    except (PiclusterError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(image.version, image.archive)
    return 0


if __name__ == "__main__":
    sys.exit(main())
