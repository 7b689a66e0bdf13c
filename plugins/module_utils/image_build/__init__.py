# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the root file system and the boot files of nodes, as one immutable version."""
