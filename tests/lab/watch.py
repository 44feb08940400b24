"""Watching a run while it goes on: its log lines as they come."""

import json
import threading
import time

from runs import Run


class Watch:
    """Reads both pipes of a process of Lab.start_run; finish() gives its Run."""

    def __init__(self, lab, process):
        self.lab = lab
        self.process = process
        self._out = []
        self._lines = []
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in ((process.stdout, self._out), (process.stderr, self._lines))]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line)

    def log(self):
        """The log lines so far."""
        return [json.loads(line) for line in list(self._lines) if line.endswith(b"\n")]

    def wait_for(self, wanted, seconds=30):
        """The first log line for which wanted(line) holds; raises when there is none in time."""
        end = time.monotonic() + seconds
        while True:
            over = self.process.poll() is not None or time.monotonic() > end
            for line in self.log():
                if wanted(line):
                    return line
            if over:
                raise RuntimeError(f"no such log line, only\n{b''.join(self._lines).decode()}")
            time.sleep(0.02)

    def finish(self, timeout=120):
        """Waits for its end; the Run, searched for secrets."""
        self.process.wait(timeout)
        for reader in self._readers:
            reader.join()
        out, err = b"".join(self._out), b"".join(self._lines)
        self.lab.check_secrets("stdout", out)
        self.lab.check_secrets("stderr", err)
        return Run(self.process.args, self.process.returncode, out, err)
