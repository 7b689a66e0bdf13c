"""Inventory of a picluster: an adapter over :mod:`picluster.plan`."""

from __future__ import annotations

DOCUMENTATION = r"""
name: picluster
short_description: The boards of a picluster, from its description and registry
description:
  - Reads a cluster description, C(inventory/<cluster>/cluster.picluster.yml), and the registry of
    pinned boards beside it, C(macs.csv), and makes the address plan from them.
  - The whole plan is checked before the first host is added. A plan with two boards that share a
    MAC address, an address, a slot or a switch port, or with an address outside its bank, gives no
    host at all and one message that names every offender.
  - A slot without a board is no host.
author: The picluster authors
version_added: "0.1.0"
extends_documentation_fragment:
  - constructed
requirements:
  - The Python package C(picluster) where ansible runs.
notes:
  - >-
    Ansible turns an error of an inventory plugin into a warning and goes on with an empty
    inventory, unless C(any_unparsed_is_failed) is set in section C([inventory]) of ansible.cfg, as
    the one of this project does.
  - The options C(name) to C(banks) describe the cluster. Their keys are documented in
    docs/reference/cluster-description.md, made from the schema they are checked against.
options:
  plugin:
    description: Names this plugin.
    type: str
    required: true
    choices: [picluster]
  name:
    description: The cluster's name.
    type: str
    required: true
  title:
    description: One line for people.
    type: str
  domain_name:
    description: DNS domain of the nodes. Default C(<name>.internal).
    type: str
  network:
    description: The boot network in CIDR notation.
    type: str
    required: true
  registry:
    description: Registry file beside the description.
    type: str
    default: macs.csv
  bank_size:
    description: Slots of a bank that gives no C(size).
    type: int
    default: 42
  bank_rows:
    description: Rows of boards in a bank.
    type: int
    default: 1
  bank_stride:
    description: Addresses from one bank's first to the next one's, a power of two.
    type: int
    default: 256
  boards:
    description: What counts as a board of this cluster.
    type: dict
  head:
    description: The head node, C(name), C(address) and C(boot_interface).
    type: dict
    required: true
  boot_servers:
    description: Boot servers beside the head.
    type: list
    elements: dict
  dhcp:
    description: What the DHCP server tells the boards.
    type: dict
  boot:
    description: Where boot servers keep what they serve.
    type: dict
  image:
    description: Image of banks that name none, a version or a pointer to one.
    type: str
    default: current
  canary_bank:
    description: Number of the bank that boots C(canary). Default the lowest one.
    type: int
  ssh:
    description: How to reach the nodes.
    type: dict
  racks:
    description: Racks.
    type: list
    elements: dict
  switches:
    description: Switches.
    type: list
    elements: dict
  controllers:
    description: UniFi controllers.
    type: list
    elements: dict
  pdus:
    description: Power distribution units.
    type: list
    elements: dict
  supplies:
    description: What hangs on PDU outlets beside banks.
    type: list
    elements: dict
  circuits:
    description: Circuits and what they may carry.
    type: list
    elements: dict
  power:
    description: What may be on at a time, and how fast.
    type: dict
  power_order:
    description: What has to be on before what.
    type: list
    elements: dict
  banks:
    description: Banks.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
# inventory/mini/cluster.picluster.yml: two banks of 42 on one head
plugin: picluster
name: mini
network: 172.20.0.0/16
bank_size: 42
head: {name: mini-head, address: 172.20.0.10, boot_interface: eth1}
switches:
  - {name: sw-1, address: 172.20.0.21, uplinks: [49, 50]}
  - {name: sw-2, address: 172.20.0.22, uplinks: [49, 50]}
banks:
  - {number: 1, switch: sw-1, ports: 1-42}
  - {number: 2, switch: sw-2, ports: 1-42}
# Nodes pi-1-1 (172.20.1.1) to pi-2-42 are in the groups pi, bank_1, bank_2, boot_server_mini_head;
# a bank of a rack, side or availability domain also in rack_N, side_front, domain_N.
# Node variables: ansible_host, picluster_mac, picluster_serial, picluster_bank, picluster_slot,
# picluster_row, picluster_rack, picluster_side, picluster_domain, picluster_switch,
# picluster_switch_port, picluster_pdu, picluster_outlet, picluster_boot_server, picluster_image.

# constructed features work on these variables
strict: true
groups:
  top_row: picluster_row == 1
keyed_groups:
  - {prefix: switch, key: picluster_switch}
compose:
  ansible_port: "22"
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.template import trust_as_template

try:
    from picluster.cluster.load import SUFFIXES
    from picluster.errors import PiclusterError
    from picluster.plan import inventory as rows
    from picluster.plan.read import read_plan
except ImportError as error:
    raise AnsibleParserError(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error

if TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader

    from picluster.plan.model import AddressPlan

#: Text that holds no template, whatever the delimiters.
_LITERAL = re.compile(r"[A-Za-z0-9_.:/@ +='\"-]*", re.ASCII)


class InventoryModule(BaseInventoryPlugin, Constructable):  # type: ignore[misc]
    """Adds the hosts, groups and variables of the address plan."""

    NAME = "picluster"

    def verify_file(self, path: str) -> bool:
        """Whether the file is a cluster description."""
        return bool(super().verify_file(path)) and path.endswith(SUFFIXES)

    def parse(
        self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True
    ) -> None:
        """Make the plan, then add what it holds; a refusal adds nothing."""
        super().parse(inventory, loader, path, cache)
        try:
            plan = read_plan(Path(path))
        except PiclusterError as error:
            raise AnsibleParserError(f"refused:\n{error}") from error
        self._read_config_data(path)
        self._add_groups(plan)
        for row in rows.server_rows(plan):
            self._add_host(row)
        constructed = self._constructed()
        for row in rows.node_rows(plan):
            self._add_host(row)
            if constructed is not None:
                self._construct(row.name, constructed)

    def _add_groups(self, plan: AddressPlan) -> None:
        for name in rows.all_groups(plan.cluster):
            self.inventory.add_group(name)
        self._set("all", rows.cluster_variables(plan))
        self._set("pi", rows.pi_variables(plan.cluster))
        for bank in plan.cluster.banks:
            self._set(rows.group_name("bank", bank.number), rows.bank_variables(bank))

    def _set(self, name: str, variables: rows.Variables) -> None:
        for variable, value in variables.items():
            self.inventory.set_variable(name, variable, _trusted(value))

    def _add_host(self, row: rows.HostRow) -> None:
        self.inventory.add_host(row.name)
        for group in row.groups:
            self.inventory.add_child(group, row.name)
        # The host's own method: the inventory's would look up and visit each value anew.
        set_variable = self.inventory.get_host(row.name).set_variable
        for variable, value in row.variables.items():
            set_variable(variable, _trusted(value))

    def _constructed(self) -> dict[str, Any] | None:
        options = {
            name: self.get_option(name) for name in ("compose", "groups", "keyed_groups", "strict")
        }
        return options if any(options[name] for name in options if name != "strict") else None

    def _construct(self, host: str, options: dict[str, Any]) -> None:
        variables = self.inventory.get_host(host).get_vars()
        for group in self.inventory.get_host(host).get_groups():
            variables = {**group.get_vars(), **variables}
        strict = bool(options["strict"])
        self._set_composite_vars(options["compose"], variables, host, strict=strict)
        self._add_host_to_composed_groups(options["groups"], variables, host, strict=strict)
        self._add_host_to_keyed_groups(options["keyed_groups"], variables, host, strict=strict)


def _trusted(value: rows.Plain) -> rows.Plain:
    """Mark text that holds no template as trusted, all else stays as literal as it is.

    Listings wrap every untrusted text in a mapping, which scripts trip over and which takes a
    quarter of the memory of a large listing.
    """
    if isinstance(value, str) and _LITERAL.fullmatch(value):
        return trust_as_template(value)  # type: ignore[no-any-return]
    return value
