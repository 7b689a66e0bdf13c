"""A Debian 12 head node in a container: the machine that ``site.yml`` configures.

The head stands between the outside (package mirrors, by a user-space NAT) and a
:class:`twin.rack.Rack` (``eth1``, without an address: giving it one is the playbook's work)::

    with Rack("demo", banks=[11, 12]) as rack, Head("demo", rack) as head:
        head.exec(["systemctl", "is-system-running"])
"""

from __future__ import annotations

from twin.head.head import Head

__all__ = ["Head"]
