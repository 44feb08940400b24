"""Containers as a strict task definition has them, run by runc.

The root is read-only, there are no capabilities and no way to new ones, nothing of the host's
processes is seen. Only the network is the host's, because the laboratory's servers are there.
"""

import itertools
import json
import os
import subprocess

from processes import with_parent
from tools import ENVIRONMENT, call

CAPABILITIES = ("bounding", "effective", "permitted", "inheritable", "ambient")
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
]


class Containers:
    """Starts containers; their bundles are below folder."""

    def __init__(self, folder):
        self.folder = folder
        self._numbers = itertools.count(1)
        self._runc = ["runc", "--root", f"{folder}/state"]

    def start(self, root, argv, user, env, shown=()):
        """A Container. root: its root's folder; user: "uid:gid"; shown: (path here, path there)
        pairs, read-only."""
        name = f"postlude-{os.getpid()}-{next(self._numbers)}"
        bundle = f"{self.folder}/{name}"
        os.makedirs(bundle)
        with open(f"{bundle}/config.json", "w", encoding="utf-8") as stream:
            json.dump(_config(root, argv, user, env, shown), stream)
        # runc passes the signal on: the container ends with us.
        command = with_parent([*self._runc, "run", "--bundle", bundle, name], "TERM")
        process = subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return Container(self._runc, name, process)


class Container:
    """process: runc's, whose pipes and exit code are the container's."""

    def __init__(self, runc, name, process):
        self._runc = runc
        self.name = name
        self.process = process

    def kill(self, signal):
        """Sends a signal, by name, to process 1."""
        call(*self._runc, "kill", self.name, signal)

    def status(self):
        """/proc/PID/status of process 1, as the host sees it."""
        pid = json.loads(call(*self._runc, "state", self.name))["pid"]
        with open(f"/proc/{pid}/status", encoding="utf-8") as stream:
            return dict(line.rstrip("\n").split(":\t", 1) for line in stream)

    def remove(self):
        """Ends it, whatever state it is in."""
        subprocess.run([*self._runc, "delete", "--force", self.name], env=ENVIRONMENT, check=False,
                       capture_output=True)


def _config(root, argv, user, env, shown):
    uid, gid = map(int, user.split(":"))
    binds = [{"destination": there, "type": "bind", "source": here, "options": ["rbind", "ro"]}
             for here, there in shown]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": uid, "gid": gid}, "args": list(argv), "cwd": "/",
            "env": [f"{key}={value}" for key, value in env.items()],
            "capabilities": {kind: [] for kind in CAPABILITIES}, "noNewPrivileges": True},
        "root": {"path": root, "readonly": True},
        "mounts": MOUNTS + binds,
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")],
                  "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
                  "readonlyPaths": ["/proc/sys", "/proc/sysrq-trigger"]},
    }
