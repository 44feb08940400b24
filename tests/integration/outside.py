"""What the tests of steps outside a transaction share: runs by either way, and what is in the way."""

import contextlib
import signal
import time

from case import LabCase

OLD = "begin isolation level repeatable read; select count(*) from pg_class; select pg_sleep(100);"


class Outside(LabCase):
    """A test by way of self.port(): the pooler; Direct runs the same without it."""

    def port(self):
        return self.lab.pooler

    def plan(self, files, db, **changes):
        return self.lab.plan(files, db, **changes)

    def run_plan(self, plan, **how):
        return self.lab.run("run", plan=plan, event=self.lab.event(), port=self.port(), **how)

    def start_plan(self, plan, **how):
        return self.lab.start_run("run", "--json", plan=plan, event=self.lab.event(),
                                  port=self.port(), **how)

    def applied(self, plan, *ids):
        """Runs and asserts that these are applied; returns the Run."""
        run = self.run_plan(plan)
        report = self.ends(run, 0, "applied")
        if ids:
            self.assertEqual([step["id"] for step in report["applied"]], list(ids), run)
        return run

    def table(self, sql="", owner="migrator", pool_size=None):
        """A database with table t (1000 rows) of this owner's; returns its name."""
        db = self.lab.database(pool_size=pool_size)
        self.lab.psql(f"grant create on schema public to {owner}; set role {owner}; "
                      "create table t (a int, b int); insert into t select n, n from "
                      f"generate_series(1, 1000) n; {sql}", db)
        return db

    def pooled(self, size):
        """The same, with so many server connections of the pooler."""
        return self.table(pool_size=size)

    def indexes(self, db, table="t"):
        """Names of a table's indexes; an invalid one has a ! behind it."""
        rows = self.lab.psql(
            "select c.relname || case when indisvalid then '' else '!' end from pg_index x join "
            f"pg_class c on c.oid = indexrelid where indrelid = '{table}'::regclass order by 1", db)
        return rows.split()

    def row(self, db, migration):
        return self.lab.migrations(db)[migration]

    def at_work(self, db, text, count=1, seconds=20):
        """Waits until so many of the login's sessions run a statement with this text."""
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and usename = 'migrator' and state = 'active' "
                              f"and query ilike '%{text}%'", str(count), seconds)

    @contextlib.contextmanager
    def old_transaction(self, db):
        """Holds an old snapshot: a concurrent index build waits for it."""
        with self.lab.session(db, OLD):
            yield

    def killed(self, process, db):
        """Kills a run and lets its lease of the plan be over, which takes seconds otherwise."""
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.lab.psql("update postlude.plan set touched_at = now() - interval '1 h'", db)

    def terminated(self, process, seconds=20):
        """Sends SIGTERM; the Run, which must end within these seconds."""
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        run = self.lab.finish(process)
        self.assertLess(time.monotonic() - began, seconds, run)
        return run

    def messages(self, run):
        return "\n".join(line["msg"] for line in run.log)


class Direct:
    """Mixed in: without the pooler."""

    def port(self):
        return self.lab.direct
