"""The tools that build and run containers here, and whether this machine lets them."""

import ctypes
import os
import shutil
import subprocess
import sys

SKIPPED = 77  # what meson takes for a skipped test
CLONE_NEWNS = 0x20000  # <linux/sched.h>
MS_REC_PRIVATE = 0x4000 | 1 << 18  # <linux/mount.h>

# Debian packages by the program that we need of them.
NEEDED = {"buildah": "buildah", "runc": "runc", "debootstrap": "debootstrap"}

# Whatever a registry or a desktop configured is not for us.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


class Failed(RuntimeError):
    """A tool failed, and what it said."""


def skip(reason):
    """Ends the whole test as skipped."""
    print(f"skipped: {reason}")
    sys.stdout.flush()
    sys.exit(SKIPPED)


def missing():
    """Why there is no use in trying; None when there may be."""
    if os.geteuid() != 0:
        return "building and running an image needs root here"
    lacking = [package for program, package in NEEDED.items()
               if not shutil.which(program, path=ENVIRONMENT["PATH"])]
    return f"not installed: {' '.join(lacking)}" if lacking else None


def mount_for_ourselves():
    """From now on, what is mounted by us is seen by us alone, and ends with us, however we end."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None):
        skip(f"a mount namespace cannot be had here: {os.strerror(ctypes.get_errno())}")


def call(*argv, stdin=None, cwd=None, seconds=600, **env):
    """Runs a tool; what it printed. Raises Failed with what it said last."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, cwd=cwd,
                          timeout=seconds, env={**ENVIRONMENT, **env})
    if done.returncode:
        raise Failed(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n"
                     f"{done.stderr[-3000:]}")
    return done.stdout.strip()
