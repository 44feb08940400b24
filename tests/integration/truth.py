"""What a disturbed run says and leaves, held against the database.

Plans for these tests count: each migration inserts its own id into table effects, where nothing
but the count would tell that it came twice.
"""

import collections
import json

from case import LabCase

CODES = {"applied": 0, "nothing": 0, "duplicate": 0, "failed": 1, "unknown": 1, "unreachable": 4,
         "busy": 5, "interrupted": 7}
NOT_RECORDED = "could not record this run in the ledger"

CREATE_EFFECTS = "create table effects (step text);\n"


def effect(migration, before="", after=""):
    """The text of a migration that leaves its effect, among other things."""
    return f"{before}insert into effects values ('{migration}');\n{after}"


def ids_of(files):
    """The ids of a plan's migrations, in its order."""
    return [name.removesuffix(".sql") for name in files]


def reached(report):
    """Whether the run came so far as to read from the database."""
    return bool((report["database"] or {}).get("server_version"))


class TruthCase(LabCase):
    """A test whose runs are disturbed."""

    outside = frozenset()  # ids whose effect does not commit together with their row

    def quiet(self, db, direct=False):
        """Waits until nothing of ours is at work on the server; no lock may be left."""
        others = ("from pg_stat_activity where datname = current_database() and "
                  "backend_type = 'client backend' and pid <> pg_backend_pid()")
        self.lab.wait_for(db, f"select count(*) {others} and xact_start is not null", "0")
        self.assertEqual(self.lab.value("select count(*) from pg_locks where locktype = 'advisory' "
                                        "and database = (select oid from pg_database where datname "
                                        "= current_database())", db), "0")
        if direct:
            self.lab.wait_for(db, f"select count(*) {others} and application_name ~ '^postlude'",
                              "0")

    def effects(self, db):
        """How often each migration's effect is there."""
        there = self.lab.value("select to_regclass('public.effects') is not null", db)
        rows = self.lab.psql("select step from public.effects", db) if there == "t" else ""
        return collections.Counter(rows.split())

    def in_step(self, db):
        """The ledger says of each migration what is so; returns the ids of those applied."""
        applied = {key for key, state in self.states(db).items() if state == "applied"}
        effects = self.effects(db)
        for key in self.outside:
            self.assertLessEqual(effects[key], 1, key)
        self.assertEqual({key: count for key, count in effects.items()
                          if key in applied or key not in self.outside},
                         collections.Counter(applied))
        known = {run["run_id"] for run in self.lab.runs(db)}
        self.assertLessEqual({row["run_id"] for row in self.lab.migrations(db).values()}, known,
                             "a run that wrote something has no row")
        return applied

    def truthful(self, run, db, ids, cut_off=True):
        """Nothing that the run says is not so; call it when the server is quiet. Its report.
        Of a run that was not cut off from the database everything must be recorded, too."""
        self.assertTrue(run.out, run)
        report = run.report
        self.assertIn(report["outcome"], CODES, run)
        expected = CODES[report["outcome"]]
        self.assertIn(run.code, (expected, 8) if expected == 0 else (expected,), run)
        there = self.in_step(db)
        mine = {key for key, row in self.lab.migrations(db).items()
                if key in there and row["run_id"] == report["run_id"]}
        said = [step["id"] for step in report["applied"]]
        self.assertEqual(len(said), len(set(said)), run)
        if report["outcome"] in ("unknown", "unreachable") or not reached(report):
            self.assertLessEqual(set(said), mine, run)
        else:
            self.assertEqual(set(said), mine, run)
            self.assertEqual(set(report["pending"]), set(ids) - there, run)
        if expected == 0:
            self.assertEqual(there, set(ids), run)
        self._recorded(run, report, db, cut_off)
        return report

    def _recorded(self, run, report, db, cut_off):
        """The run has one row at most, with the outcome it told, and so have its messages."""
        outcomes = [row["outcome"] for row in self.lab.runs(db)
                    if row["run_id"] == report["run_id"]]
        excused = cut_off and (NOT_RECORDED in run.err or not reached(report) or
                               not self.lab.has_ledger(db))
        self.assertIn(outcomes, ([report["outcome"]], *([[None], []] if excused else [])), run)
        for text in self.published(report["run_id"]):
            self.assertEqual(text["outcome"], report["outcome"], run)

    def published(self, run_id):
        """The reports that the topic got from this run."""
        messages = self.lab.aws.messages() if self.lab.aws else []
        reports = [json.loads(message["message"]) for message in messages
                   if run_id in message["message"]]
        return [report for report in reports if report["run_id"] == run_id]

    def ended(self, run, db, ids):
        """A run that nobody disturbed: everything is there, once. One that took the plan also left
        it free, and saw to it that every run has an outcome."""
        self.assertEqual(run.code, 0, run)
        self.quiet(db)
        report = self.truthful(run, db, ids, cut_off=False)
        if report["outcome"] == "applied":
            self.assertEqual(self.lab.value("select count(*) from postlude.plan where owner is not "
                                            "null", db), "0", run)
            self.assertEqual([row for row in self.lab.runs(db) if row["outcome"] is None], [], run)
