"""The packages of the stand-in for Oracle Linux 9, in terms of Debian's.

Names, paths, scriptlets and dependencies are those of Oracle's packages, as far as an image needs
them; programs and libraries are Debian's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: Debian packages that come along only because others depend on them.
DROPPED = re.compile(
    r"apt|lib(?:apt-pkg|perl|klibc).*|perl.*|debconf.*|dpkg|adduser|initramfs-tools.*|klibc.*"
    r"|linux-(?:base|image).*|tzdata|ucf|lsb-base|init-system-helpers|e2fsprogs|logsave|gpgv"
    r"|debian-archive-keyring|sensible-utils|debianutils|sysvinit-utils|busybox.*"
)
#: Paths that Enterprise Linux has not, or with a content of its own.
UNWANTED = re.compile(
    r"(?:usr/share/(?:doc|man|locale|lintian|bug|bash-completion|zsh|initramfs-tools|info|chrony)"
    r"|etc/(?:init\.d|rc.\.d|cron[^/]*|default|dpkg|apt|pam\.d|ssh|chrony|logrotate\.d|ufw"
    r"|apparmor\.d|network|ppp|dhcp|kernel|initramfs-tools|os-release)"
    r"|usr/lib/systemd/system/(?:ssh|chrony|rescue-ssh)[.@-].*|usr/lib/os-release)(?:/.*)?"
)
#: What every Debian system has, beside the parts below.
BASE = ("?essential", "libpam-modules", "ca-certificates")


@dataclass(frozen=True, slots=True)
class Part:
    """One package in terms of Debian's.

    Attributes:
        debian: Debian packages whose files it holds.
        files: more files it holds, by path or directory.
        requires: packages it requires beside ``basesystem``.
        provides: more names it goes by.
        scriptlets: as in :class:`twin.rpm.package.Package`.
        owners: as there; such a path is held too.
    """

    debian: str = ""
    files: str = ""
    requires: str = "basesystem"
    provides: str = ""
    scriptlets: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)


def _user(name: str, home: str) -> str:
    """Shell that makes a system's user and group, as such packages do before they unpack."""
    return (
        f"getent group {name} >/dev/null || groupadd -r {name}\n"
        f"getent passwd {name} >/dev/null ||"
        f" useradd -r -M -g {name} -d {home} -s /sbin/nologin {name}\n"
    )


def _preset(unit: str) -> str:
    return f"systemctl --no-reload preset {unit}\n"


PARTS = {
    "setup": Part(
        "netbase",
        "etc/passwd etc/group etc/shadow etc/nsswitch.conf etc/profile etc/pam.d/other"
        " etc/pam.d/password-auth etc/pam.d/system-auth",
        "filesystem",
    ),
    "basesystem": Part(requires="setup bash", scriptlets={"post": "ldconfig\n"}),
    "bash": Part("bash", "usr/bin/sh", "filesystem", "/bin/sh /bin/bash /usr/bin/sh"),
    "coreutils": Part("coreutils"),
    "cpio": Part("cpio"),
    "findutils": Part("findutils"),
    "gawk": Part("mawk", "usr/bin/awk"),
    "glibc-minimal-langpack": Part(),
    "grep": Part("grep"),
    "gzip": Part("gzip"),
    "hostname": Part("hostname"),
    "iproute": Part("iproute2"),
    "kmod": Part("kmod libkmod2"),
    "procps-ng": Part("procps libproc2-0"),
    "sed": Part("sed"),
    "shadow-utils": Part("passwd login"),
    "util-linux": Part("util-linux util-linux-extra mount bsdutils"),
    "xz": Part("xz-utils"),
    "crypto-policies": Part(files="etc/crypto-policies"),
    "oraclelinux-release-el9": Part(
        files="etc/os-release usr/lib/systemd/system-preset/90-default.preset"
        " usr/lib/systemd/system-preset/99-default-disable.preset",
        requires="filesystem",
        provides="oraclelinux-release redhat-release system-release",
    ),
    "systemd": Part(
        "systemd systemd-sysv libsystemd0 libnss-systemd",
        "etc/pam.d/systemd-user usr/lib/sysusers.d/devices.conf",
        "basesystem kmod coreutils util-linux oraclelinux-release shadow-utils",
        scriptlets={"post": "systemd-machine-id-setup\nsystemd-sysusers\nsystemctl preset-all\n"},
    ),
    "systemd-udev": Part(
        "udev libudev1", requires="systemd", scriptlets={"post": "udevadm --version\n"}
    ),
    "dbus": Part(
        "dbus dbus-bin dbus-daemon dbus-session-bus-common dbus-system-bus-common libdbus-1-3",
        requires="systemd",
        scriptlets={"pre": _user("messagebus", "/run/dbus"), "post": _preset("dbus.socket")},
    ),
    "openssh-server": Part(
        "openssh-server openssh-client openssh-sftp-server",
        "etc/ssh etc/sysconfig/sshd etc/pam.d/sshd usr/libexec/openssh"
        " usr/lib/systemd/system/sshd.service usr/lib/systemd/system/sshd-keygen.target"
        " usr/lib/systemd/system/sshd-keygen@.service",
        "systemd crypto-policies shadow-utils",
        scriptlets={"pre": _user("sshd", "/run/sshd"), "post": _preset("sshd.service")},
    ),
    "chrony": Part(
        "chrony",
        "etc/chrony.conf usr/lib/systemd/system/chronyd.service usr/lib/sysusers.d/chrony.conf",
        "systemd",
        scriptlets={"post": _preset("chronyd.service")},
        # As packages for rpm 4.19 do it: the user is declared and made by nobody else.
        owners={"var/lib/chrony": "_chrony"},
    ),
    "python3": Part(
        "python3 python3-minimal python3.11 python3.11-minimal libpython3-stdlib"
        " libpython3.11-minimal libpython3.11-stdlib"
    ),
    "dracut": Part(
        "dracut-core",
        "usr/lib/kernel/install.d/50-dracut.install",
        "kmod cpio xz coreutils findutils sed grep systemd-udev util-linux",
    ),
}
