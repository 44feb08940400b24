"""What the tests of commands share."""

import os
import time

from case import LabCase

TABLE = {"0001_effects.sql": "create table effects (n int);\n"}
HOLDS = "select count(*) > 0 from effects"


def sh(text, name="seed", **more):
    """A step that runs text in a shell."""
    return {"id": name, "command": ["sh", "-c", text], **more}


class CommandCase(LabCase):
    """A plan whose first file makes a table, and then commands."""

    def psql_program(self):
        return f"{self.lab.server.programs}/psql -XqAt -v ON_ERROR_STOP=1"

    def insert(self, number=1):
        return f"{self.psql_program()} -c 'insert into effects values ({number})'"

    def plan(self, db, *steps, files=None, **changes):
        files = TABLE if files is None else files
        return self.lab.plan(files, db, migrations=[*files, *steps], **changes)

    def deploy(self, plan, **how):
        return self.lab.run("run", plan=plan, event=self.lab.event(), **how)

    def effects(self, db):
        return self.lab.value("select coalesce(string_agg(n::text, ',' order by n), '') "
                              "from effects", db)

    def row(self, db, name="seed"):
        return self.lab.migrations(db)[name]

    def lines(self, run, name="seed"):
        """What a command wrote: (stream, text)."""
        return [(row["stream"], row["msg"]) for row in run.log
                if row.get("migration") == name and "stream" in row]

    def nobody_at(self, path):
        """Waits until the process whose id is in a file is gone."""
        with open(path, encoding="ascii") as stream:
            pid = int(stream.read())
        for _ in range(100):
            if not os.path.exists(f"/proc/{pid}"):
                return
            time.sleep(0.05)
        self.fail(f"process {pid} is still there")

    def started(self, path, seconds=30):
        """Waits until a command has written a file."""
        end = time.monotonic() + seconds
        while not (os.path.exists(path) and os.path.getsize(path)):
            if time.monotonic() > end:
                self.fail(f"{path} was not written")
            time.sleep(0.05)

    def mark(self):
        return f"{self.lab.folder}/mark{next(self.lab._numbers)}"  # pylint: disable=W0212
