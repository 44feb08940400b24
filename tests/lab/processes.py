"""Child processes of the laboratory: started as an unprivileged user, ended by their id.

A child dies with its parent, even when the parent is killed (PR_SET_PDEATHSIG, by setpriv). Nothing
here looks for a process by name.
"""

import os
import pwd
import signal
import socket
import subprocess
import time

# PostgreSQL and PgBouncer refuse to run as root; these accounts exist on Debian.
ACCOUNTS = ("postgres", "nobody")


def account():
    """The unprivileged user that servers run as, or None when we are unprivileged ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"running as root, and none of {ACCOUNTS} exists to run a server as")


def own(path, mode=None):
    """Gives path to the account that servers run as."""
    user = account()
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)
    if mode is not None:
        os.chmod(path, mode)


def free_port():
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def with_parent(argv, death_signal="KILL", unprivileged=False):
    """argv, wrapped so that it gets death_signal when we die, and runs as account()."""
    drop = []
    user = account() if unprivileged else None
    if user:
        drop = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["/usr/bin/setpriv", f"--pdeathsig={death_signal}", *drop, "--", *argv]


class Child:
    """A server of ours: one process, its log file, and the signals that end it."""

    def __init__(self, argv, log, stop_signal=signal.SIGTERM, death_signal="KILL", cwd="/"):
        self.log = log
        self.stop_signal = stop_signal
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                with_parent(argv, death_signal, unprivileged=True),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                start_new_session=True)  # a ^C in the terminal is for us, not for it
        self.pid = self.process.pid

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def stop(self, patience=10):
        """Ends it: politely, then at once, then by force. Safe to call twice."""
        for number, seconds in ((self.stop_signal, patience), (signal.SIGQUIT, 5),
                                (signal.SIGKILL, 5)):
            self.signal(number)
            try:
                self.process.wait(seconds)
                return
            except subprocess.TimeoutExpired:
                continue

    def text(self):
        """What it logged."""
        with open(self.log, encoding="utf-8", errors="replace") as stream:
            return stream.read()


def wait_until(ready, child, seconds=30):
    """True once ready() is; False when the child ended instead; raises when neither happens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not child.running():
            return False
        if ready():
            return True
        time.sleep(0.03)
    raise RuntimeError(f"not ready after {seconds} s:\n{child.text()[-4000:]}")
