# SPDX-License-Identifier: Apache-2.0
"""Worse places to run in: a small disk, a read-only one, a user with no rights, a clock that jumps.

Each function here changes how a program (support/process.py) that has not been started will be started. What is mounted
is seen by that program alone and goes with it; see it under `seen_by(program, path)`.
"""

import os
import shutil
import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

_NOBODY = 65534
_SHIM = Path(__file__).parent / "shifted_clock.c"


def mount_first(program, *commands: str, inside: tuple = (), own_network: bool = False):
    """Runs shell commands in a mount namespace of its own before the program starts there, by way of the words `inside`.
    Skips the test where that is not allowed."""
    if not _can_mount():
        pytest.skip("mounting is not allowed here: run as root, with CAP_SYS_ADMIN")
    program.argv = [*_unshare(own_network), "sh", "-ec", "\n".join([*commands, 'exec "$@"']), "sh", *inside, *program.argv]


def _unshare(own_network: bool) -> list:
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *as_root, "--mount", *(["--net"] if own_network else []), "--"]


@cache
def _can_mount() -> bool:
    """A tmpfs, an overlay and a network of its own are all that is used here."""
    script = "\n".join(["ip link set lo up", "mount -t tmpfs tmpfs /tmp", *_overlay("/tmp")])
    done = subprocess.run([*_unshare(own_network=True), "sh", "-ec", script], capture_output=True, check=False)
    return done.returncode == 0


def _overlay(folder) -> list:
    """Commands that leave the shell in a copy of / whose changes lie in `folder`, a tmpfs."""
    return [f"cd '{folder}'", "mkdir upper work all",
            "mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay all", "cd all"]


def small_disk(program, folder: Path, mib: int):
    """`folder` is a disk of its own."""
    folder.mkdir(exist_ok=True)
    mount_first(program, f"mount -t tmpfs -o size={mib}m,mode=700 tmpfs '{folder}'")


def read_only(program, folder: Path):
    mount_first(program, f"mount --bind '{folder}' '{folder}'", f"mount -o remount,bind,ro '{folder}'")


def read_only_but(program, folder: Path):
    """The whole file system is read-only, apart from `folder`."""
    mount_first(program, f"mount --bind '{folder}' '{folder}'", "mount -o remount,bind,ro /")


def seen_by(program, path: Path) -> Path:
    """`path` as the running program sees it."""
    return Path(f"/proc/{program.pid}/root{path}")


def as_nobody(program, directory: Path):
    """With no rights at all: user and group nobody, no capability, and none to be had. The program is copied to
    `directory`, for it may lie where nobody can read it, and the folders of temporary files above are opened."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a program as nobody")
    binary = Path(program.argv[0])
    place = directory / "bin"
    place.mkdir()
    for file in [binary, *binary.parent.glob("weir-*.so")]:
        shutil.copy2(file, place)
    for folder in [place, *place.parents]:
        if folder.is_relative_to(tempfile.gettempdir()):
            folder.chmod(folder.stat().st_mode | 0o011)
    program.config.chmod(0o644)
    rights = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
              "--bounding-set=-all"]
    program.argv = ["setpriv", *rights, "--", str(place / binary.name), *program.argv[1:]]


def give_to_nobody(folder: Path):
    folder.mkdir(exist_ok=True)
    os.chown(folder, _NOBODY, _NOBODY)


def in_a_copy(program, directory: Path, files: dict, directories=(), hosts=()):
    """In a network of its own, where every port is free, and in a copy of the whole file system, with the real `directory`
    as the working directory: what it writes elsewhere is gone with it. `files` maps paths to their text; they,
    `directories` and the names of `hosts` are made first."""
    binary = Path(program.argv[0])
    root = directory / "root"
    root.mkdir(exist_ok=True)
    commands = [
        "ip link set lo up", f"mount -t tmpfs tmpfs '{root}'", *_overlay(root),
        "for there in /proc /dev /tmp; do mount --rbind $there .$there; done",
        # What lies on other file systems than / is not in the copy.
        f"for there in '{directory}' '{binary.parent}'; do mkdir -p .$there && mount --bind $there .$there; done",
        *(f"mkdir -p '.{path}'" for path in directories),
        *(f"echo 127.0.0.1 {name} >>etc/hosts" for name in hosts),
    ]
    for path, text in files.items():
        place = Path("." + path) if path.startswith("/") else directory / path
        commands += [f"mkdir -p '{place.parent}'", f"printf %s '{text}' >'{place}'", f"chmod 600 '{place}'"]
    into_copy = ("chroot", ".", "sh", "-ec", f"cd '{directory}' && exec \"$@\"", "sh")
    mount_first(program, *commands, inside=into_copy, own_network=True)


class Clock:
    """The wall clock of a program: `shift(seconds)` sets it back or forward, also while the program runs."""

    def __init__(self, program, directory: Path):
        shim = directory / "shifted_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, _SHIM], check=True)
        self._offset = directory / "shifted_clock.offset"
        self.shift(0)
        program.env |= {"LD_PRELOAD": str(shim), "SHIFTED_CLOCK": str(self._offset)}

    def shift(self, seconds: int):
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("<q", seconds))
