"""What all integration tests share: one laboratory a file, and assertions about runs.

A test file takes setUpModule from here, or makes its own with share_lab(Lab(...)).
"""

import functools
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab"))
sys.dont_write_bytecode = True

from lab import Lab  # noqa: E402  pylint: disable=wrong-import-position

# Contract, section 6: always there, null where nothing is known.
REPORT_KEYS = {"schema", "outcome", "exit_code", "plan", "run_id", "summary", "trigger", "database",
               "started_at", "finished_at", "duration_ms", "applied", "already_applied", "pending",
               "error", "task", "log_url", "rerun"}
ERROR_KEYS = {"kind", "migration", "sqlstate", "message", "detail", "hint", "file", "line",
              "column", "statement", "blockers"}

ORDERS = {
    "0001_create_orders.sql": "create table orders (id bigint primary key, total numeric);\n",
    "0002_index_orders.sql": "create index orders_total on orders (total);\n",
    "0003_add_note.sql": "alter table orders add column note text;\n"
                         "insert into orders values (1, 9.90, 'first');\n",
}
ORDER_IDS = [name.removesuffix(".sql") for name in ORDERS]

LONG = bool(os.environ.get("POSTLUDE_LONG"))


def share_lab(lab):
    """Makes lab the laboratory of this file's tests, taken down after them."""
    LabCase.lab = lab.start()
    unittest.addModuleCleanup(lab.stop)


def setUpModule():  # pylint: disable=invalid-name
    share_lab(Lab())


class LabCase(unittest.TestCase):
    """A test with a laboratory at self.lab."""

    lab: Lab
    maxDiff = None

    def ends(self, run, code, outcome):
        """Asserts how a run ended; returns its report, which is complete."""
        self.assertEqual(run.code, code, run)
        report = run.report
        self.assertEqual(report["outcome"], outcome, run)
        self.assertEqual(report["schema"], "postlude.report/1")
        self.assertLessEqual(REPORT_KEYS, set(report), run)
        self.assertEqual(report["exit_code"], 0 if code == 8 else code, run)
        if report["error"] is not None:
            self.assertLessEqual(ERROR_KEYS, set(report["error"]), run)
            self.assertEqual(report["error"]["kind"], outcome, run)
            self.assertTrue(report["error"]["message"], run)
        elif code not in (0, 8):
            self.fail(f"an error without an error\n{run}")
        return report

    def applies(self, ids, **how):
        """Runs, and asserts that exactly these migrations are applied now; returns the report."""
        run = self.lab.run("run", **how)
        report = self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in report["applied"]], list(ids), run)
        return report

    def deployed(self, files=None, **changes):
        """A database that has files applied; returns its name and the plan."""
        files = ORDERS if files is None else files
        db = self.lab.database()
        plan = self.lab.plan(files, db, **changes)
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 0, "applied")
        return db, plan

    def tables(self, db, schema="public"):
        """Names of the tables in schema."""
        return set(self.lab.psql("select relname from pg_class where relkind = 'r' and "
                                 f"relnamespace = '{schema}'::regnamespace", db).split())

    def states(self, db, plan="orders"):
        """The ledger's states by migration."""
        return {key: row["state"] for key, row in self.lab.migrations(db, plan).items()}


def everywhere(test):
    """A test method that gets a port: runs it through the pooler, and directly."""
    @functools.wraps(test)
    def both(self):
        for place, port in (("pooler", self.lab.pooler), ("direct", self.lab.direct)):
            with self.subTest(place):
                test(self, port)
    return both


class Timed(unittest.TextTestResult):
    """Says how long each test took."""

    def startTest(self, test):
        self._started = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        self.stream.write(f"{time.monotonic() - self._started:.1f} s ")
        super().addSuccess(test)


def main():
    """Runs the tests of the calling file."""
    unittest.main(testRunner=unittest.TextTestRunner(verbosity=2, resultclass=Timed))
