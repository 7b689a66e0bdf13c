"""The nodes' image, built once on a head by the role and kept, for every head that comes after.

::

    image = ensure_image()
    with Rack("demo", banks=[11]) as rack, Head("demo", rack) as head:
        seed(head, image)
        play(head, MINI, "playbooks/image.yml", image.arguments())   # finds it and builds nothing
"""

from __future__ import annotations

from twin.image.cache import Image, ensure_image, seed

__all__ = ["Image", "ensure_image", "seed"]
