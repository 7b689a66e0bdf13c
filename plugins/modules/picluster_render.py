#!/usr/bin/python
"""Documentation of the action plugin of this name, which runs on the control node."""

DOCUMENTATION = r"""
module: picluster_render
short_description: Place a configuration rendered from the cluster's address plan
description:
  - Renders a daemon's configuration on the control node from the cluster description and the
    registry, with the same code as C(picluster render), and places it as M(ansible.builtin.copy)
    does.
  - A plan that is refused fails the task; the file on the managed node stays as it was.
author: The picluster authors
version_added: "0.1.0"
extends_documentation_fragment: [cluster]
options:
  kind:
    description: Which configuration.
    type: str
    required: true
    choices: [dhcp, tftp, exports, known_hosts, nodes, slurm]
  variant:
    description:
      - For which daemon. V(isc) for O(kind=dhcp); V(tftpd_hpa) or V(systemd) for O(kind=tftp);
        V(kernel) or V(ganesha) for O(kind=exports); V(openssh) for O(kind=known_hosts);
        V(csv) for O(kind=nodes); V(cluster) or V(topology) for O(kind=slurm).
      - The first one named is the default.
    type: str
    choices: [isc, tftpd_hpa, systemd, kernel, ganesha, openssh, csv, cluster, topology]
  server:
    description: Name of the boot server it is for; the head by default.
    type: str
  authorities:
    description:
      - For O(kind=known_hosts), public keys of the authorities found on the boot servers, by the
        server's name. Each may vouch for the nodes its server boots.
    type: dict
  dest:
    description: Path on the managed node.
    type: path
    required: true
  owner:
    description: Owner of the file.
    type: str
  group:
    description: Group of the file.
    type: str
  mode:
    description: Mode of the file.
    type: raw
  validate:
    description: Command that must accept the new file before it takes the old one's place.
    type: str
  backup:
    description: Keep a copy of the old file.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what would change.
    support: full
  diff_mode:
    description: Shows the change.
    support: full
"""

EXAMPLES = r"""
- name: Configure dhcpd
  picluster_render:
    kind: dhcp
    variant: isc
    description: "{{ picluster_description }}"
    server: "{{ picluster_server_name }}"
    dest: /etc/dhcp/dhcpd.conf
    owner: root
    group: root
    mode: "0644"
    validate: dhcpd -t -cf %s
"""

RETURN = r"""
dest:
  description: Path on the managed node.
  type: str
  returned: always
"""
