"""Told to stop, or out of time, behind a proxy that passes no request to cancel on."""

import time

from case import everywhere, main, setUpModule  # noqa: F401
from relay import Relay
from stop_case import StopCase

INDEX = {"0001_first.sql": "create table first (a int);\n",
         "0002_index.sql": "create index concurrently first_a on first (a);\n"}


class Base(StopCase):
    """Where a run was stopped."""

    def stopped_in_0002(self, db, run):
        self.assertEqual([step["id"] for step in run.report["applied"]], ["0001_first"], run)
        self.assertEqual(run.error["migration"], "0002_slow", run)
        self.assertEqual(self.tables(db), {"first"})
        self.assertEqual([row["outcome"] for row in self.lab.runs(db)], ["interrupted"])
        self.assertEqual(self.lab.value("select count(owner) from postlude.plan", db), "0")
        self.nothing_runs(db)


class Swallowed(Base):
    """It is cancelled by SQL, over another connection."""

    @everywhere
    def test_sigterm(self, port):
        with Relay(port) as relay:
            db = self.lab.database()
            run = self.stops(self.asleep(db, port=relay.port), 12)
            self.assertGreaterEqual(relay.swallowed, 1)
            self.stopped_in_0002(db, run)

    @everywhere
    def test_deadline(self, port):
        with Relay(port) as relay:
            db = self.lab.database()
            started = time.monotonic()
            run = self.start(db, port=relay.port, run={"deadline": "3s"}).finish()
            self.assertLess(time.monotonic() - started, 15)
            self.ends(run, 7, "interrupted")
            self.assertGreaterEqual(relay.swallowed, 1)
            self.stopped_in_0002(db, run)

    @everywhere
    def test_an_index_that_waits_for_an_old_transaction(self, port):
        with Relay(port) as relay:
            db = self.lab.database()
            self.applies(["0001_first"], event=self.lab.event(), plan=self.lab.plan(
                {"0001_first.sql": INDEX["0001_first.sql"]}, db))
            with self.lab.session(db, "begin isolation level repeatable read;\n"
                                      "select * from first; select pg_sleep(60);"):
                watch = self.start(db, INDEX, relay.port)
                self.lab.wait_for(db, "select count(*) from pg_stat_progress_create_index "
                                      "where phase like 'waiting for old snapshots'", "1")
                run = self.stops(watch, 12)
                # Nor does what cleans up after it: the old transaction is still there.
                self.nothing_runs(db)
            self.assertGreaterEqual(relay.swallowed, 1)
            self.assertEqual(run.error["migration"], "0002_index")
            self.assertEqual([row["outcome"] for row in self.lab.runs(db)],
                             ["applied", "interrupted"])
            # The next run finds what was left of the index, and goes on from there.
            again = self.start(db, INDEX, port).finish()
            self.ends(again, 0, "applied")
            self.assertEqual(self.lab.value("select count(*) filter (where indisvalid), "
                                            "count(*) from pg_index where indrelid = "
                                            "'first'::regclass", db), "1|1")


if __name__ == "__main__":
    main()
