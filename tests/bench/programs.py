"""The programs compared: how each is given its migrations, and how it is run.

A program has prepare(), which writes what it reads into a folder, and command(), which says how it
is started in that folder, for a database behind a port of 127.0.0.1: all with TLS (verify-full) and
SCRAM, as the laboratory's login `migrator`. Each is started as itself, not by the wrapper that its
package puts in front of it (Debian's perl script for psql, npm's node script for dbmate), which
costs more than some of the runs.
"""

import glob
import os
import re
import subprocess
import urllib.parse

from plans import write_plan

CONTACT = "Bench <bench@example.org>"


def write(path, text):
    """Writes a file, and the folders above it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def said(argv):
    """What a program prints."""
    return subprocess.run(argv, check=True, text=True, capture_output=True).stdout


def libpq(bench, port, database):
    """The variables of libpq."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": bench.folder,
            "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "migrator",
            "PGDATABASE": database, "PGPASSWORD": bench.lab.passwords["migrator"],
            "PGSSLMODE": "verify-full", "PGSSLROOTCERT": bench.lab.ca_file}


class Postlude:
    """Built as for an installation: see tests/bench/run."""

    name = "postlude"

    def __init__(self, bench):
        self._bench = bench
        self.path = os.environ["BENCH_POSTLUDE"]

    def version(self):
        return said([self.path, "--version"]).strip()

    def prepare(self, folder, migrations):
        write_plan(folder, {f"{name}.sql": text for name, text in migrations},
                   "${DB_NAME}", {})

    def command(self, folder, port, database):
        env = {**self._bench.lab.environment(port), "DB_NAME": database,
               "POSTLUDE_PLAN": f"{folder}/postlude.yaml"}
        return [self.path, "run"], env


class Psql:
    """One session, one transaction a file. It remembers nothing: the least that could be done."""

    name = "psql"

    def __init__(self, bench):
        self._bench = bench
        self.path = f"{bench.lab.server.programs}/psql"

    def version(self):
        return said([self.path, "--version"]).split()[2]

    def prepare(self, folder, migrations):
        for name, text in migrations:
            write(f"{folder}/{name}.sql", text)
        write(f"{folder}/all.sql",
              "".join(f"begin;\n\\i {name}.sql\ncommit;\n" for name, _ in migrations))

    def command(self, _folder, port, database):
        return ([self.path, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "all.sql"],
                libpq(self._bench, port, database))


class Select(Psql):
    """psql -c 'select 1': the floor under a run with nothing to do."""

    name = "select 1"

    def command(self, _folder, port, database):
        return [self.path, "-X", "-q", "-c", "select 1"], libpq(self._bench, port, database)


class Dbmate:
    """Its verb migrate, without a dump of the schema afterwards."""

    name = "dbmate"

    def __init__(self, bench):
        self._bench = bench
        found = glob.glob(f"{os.environ['BENCH_NPM']}/node_modules/@dbmate/*/bin/dbmate")
        self.path = found[0] if found else None

    def version(self):
        return said([self.path, "--version"]).split()[-1]

    def prepare(self, folder, migrations):
        for name, text in migrations:
            write(f"{folder}/db/migrations/{name}.sql", f"-- migrate:up\n{text}\n-- migrate:down\n")

    def command(self, _folder, port, database):
        lab = self._bench.lab
        password = urllib.parse.quote(lab.passwords["migrator"], safe="")
        url = (f"postgres://migrator:{password}@127.0.0.1:{port}/{database}?sslmode=verify-full"
               f"&sslrootcert={urllib.parse.quote(lab.ca_file, safe='')}")
        return ([self.path, "--no-dump-schema", "migrate"],
                {"PATH": "/usr/bin:/bin", "HOME": self._bench.folder, "DATABASE_URL": url})


class Sqitch:
    """Deploy scripts alone, each with its own BEGIN and COMMIT, as its template writes them."""

    name = "sqitch"
    path = "/usr/bin/sqitch"

    def __init__(self, bench):
        self._bench = bench
        if not os.path.exists(self.path):
            self.path = None

    def version(self):
        return re.search(r"v([\d.]+)", said([self.path, "--version"])).group(1)

    def prepare(self, folder, migrations):
        client = f"{self._bench.lab.server.programs}/psql"
        write(f"{folder}/sqitch.conf",
              f'[core]\n\tengine = pg\n[engine "pg"]\n\tclient = {client}\n')
        write(f"{folder}/sqitch.plan", "%syntax-version=1.0.0\n%project=orders\n\n" + "".join(
            f"{name} 2031-03-14T09:26:53Z {CONTACT}\n" for name, _ in migrations))
        for name, text in migrations:
            write(f"{folder}/deploy/{name}.sql", f"BEGIN;\n{text}COMMIT;\n")

    def command(self, _folder, port, database):
        target = f"db:pg://migrator@127.0.0.1:{port}/{database}"
        env = {**libpq(self._bench, port, database), "SQITCH_FULLNAME": "Bench",
               "SQITCH_EMAIL": "bench@example.org"}
        return [self.path, "deploy", "--target", target], env


COMPARED = [Postlude, Psql, Dbmate, Sqitch]
