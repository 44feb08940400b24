"""The machine that was measured on, in a few words that name nobody's host or folder."""

import datetime
import os
import re


def _found(path, pattern):
    with open(path, encoding="utf-8") as stream:
        match = re.search(pattern, stream.read(), re.M)
    return match.group(1).strip() if match else "unknown"


def facts(lab, programs, rounds):
    """Date, processor, memory and versions, as one Markdown paragraph."""
    model = _found("/proc/cpuinfo", r"^model name\s*:\s*(.*)$")
    memory = int(_found("/proc/meminfo", r"^MemTotal:\s*(\d+) kB")) / 1024 / 1024
    versions = [f"PostgreSQL {lab.value('show server_version').split()[0]}",
                f"PgBouncer {lab.console('SHOW VERSION').split()[-1]}"]
    versions += [f"{program.name} {program.version()}" for program in programs]
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return (f"{today}, {model}, {os.cpu_count()} cores, {memory:.0f} GiB; fsync on. "
            f"{', '.join(versions)}. Medians; rounds: up to {rounds}.")
