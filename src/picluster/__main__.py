"""``python -m picluster`` is the ``picluster`` command."""

import sys

from picluster.cli import main

if __name__ == "__main__":
    sys.exit(main())
