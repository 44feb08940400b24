"""Told to stop: wherever a run is, and whoever is silent, it ends soon."""

import os
import signal
import time

from aws_case import setUpModule  # noqa: F401
from case import everywhere, main
from lab import Trap
from relay import Relay
from stop_case import SLOW, StopCase


class Silent(StopCase):
    """A server or a network that does not answer at all any more."""

    def test_a_backend_that_stands_still(self):
        db = self.lab.database()
        watch = self.asleep(db, port=self.lab.direct)
        pid = int(self.lab.value("select pid from pg_stat_activity where wait_event = 'PgSleep'"
                                 " and datname = current_database()", db))
        os.kill(pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            watch.process.send_signal(signal.SIGTERM)
            run = watch.finish()
            self.assertLess(time.monotonic() - started, 25, run)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertIn((run.code, run.report["outcome"]), ((7, "interrupted"), (1, "unknown")))
        self.nothing_runs(db)
        self.assertEqual(self.tables(db), {"first"})
        self.ends(self.start(db, {**SLOW, "0002_slow.sql": "select 1;\n"}).finish(), 0,
                  "applied")

    def test_a_network_that_falls_silent(self):
        with Relay(self.lab.pooler) as relay:
            db = self.lab.database()
            watch = self.asleep(db, port=relay.port)
            relay.hold()
            self.lab.aws.fail("hang", times=10)
            run = self.stops(watch, 25, (1, "unknown"))
            self.assertEqual(run.report["exit_code"], 1)
            self.assertIn("the report was not published", run.err)
            self.lab.aws.clear()


class Moments(StopCase):
    """Told to stop while it waits for something."""

    def test_a_second_signal_ends_it_at_once(self):
        with Relay(self.lab.direct) as relay:
            db = self.lab.database()
            watch = self.asleep(db, port=relay.port)
            relay.hold()
            watch.process.send_signal(signal.SIGTERM)
            time.sleep(1)
            self.assertIsNone(watch.process.poll())
            started = time.monotonic()
            watch.process.send_signal(signal.SIGTERM)
            watch.process.wait(20)
            self.assertLess(time.monotonic() - started, 2)
            self.assertNotEqual(watch.process.returncode, 0)

    def test_while_it_waits_for_another_run(self):
        db = self.lab.database()
        first = self.asleep(db)
        second = self.start(db)
        second.wait_for(lambda line: "holder" in line)
        run = self.stops(second, 5)
        self.assertEqual(run.report["applied"], [])
        self.assertIsNone(first.process.poll())
        self.stops(first, 12)
        self.nothing_runs(db)

    def test_while_somebody_holds_the_owner_row(self):
        db = self.lab.database()
        self.ends(self.start(db, {"0001_first.sql": SLOW["0001_first.sql"]}).finish(), 0, "applied")
        with self.lab.session(db, "begin;\nselect from postlude.plan for update; "
                                  "select pg_sleep(60);"):
            watch = self.start(db)
            watch.wait_for(lambda line: "holder" in line or "waiting" in line["msg"])
            run = self.stops(watch, 8)
            self.assertEqual(run.report["applied"], [])
        self.assertEqual(self.tables(db), {"first"})

    @everywhere
    def test_while_it_waits_for_a_lock(self, port):
        files = {**SLOW, "0002_slow.sql": "lock table taken;\n"}
        db = self.lab.database()
        self.lab.psql("set role orders_owner; create table taken (n int)", db)
        with self.lab.session(db, "begin;\nlock table taken; select pg_sleep(60);"):
            watch = self.start(db, files, port, run={"lock_timeout": "60s"})
            self.lab.wait_for(db, "select count(*) from pg_locks where not granted", "1")
            run = self.stops(watch, 12)
        self.assertEqual(run.error["migration"], "0002_slow", run)
        self.assertEqual(self.tables(db), {"first", "taken"})
        self.nothing_runs(db)

    def test_in_the_back_off(self):
        files = {**SLOW, "0002_slow.sql": "create table slow (a int);\nlock table taken;\n"}
        db = self.lab.database()
        self.lab.psql("set role orders_owner; create table taken (n int)", db)
        with self.lab.session(db, "begin;\nlock table taken; select pg_sleep(60);"):
            watch = self.start(db, files, run={"lock_timeout": "100ms"})
            watch.wait_for(lambda line: "retry 4 of" in line["msg"])  # a pause of 1.6 s at least
            run = self.stops(watch, 8)
        self.assertEqual([step["id"] for step in run.report["applied"]], ["0001_first"])
        self.assertEqual(run.error["migration"], "0002_slow", run)
        self.assertEqual(self.tables(db), {"first", "taken"})
        self.assertEqual(self.lab.runs(db)[0]["outcome"], "interrupted")

    def test_while_it_connects_to_a_black_hole(self):
        trap = Trap()
        try:
            watch = self.start("db", port=trap.port, database={"connect_timeout": "30s",
                                                               "wait": "60s"})
            time.sleep(1)
            self.stops(watch, 5)
        finally:
            trap.close()

    def test_while_the_database_is_not_there_yet(self):
        with self.lab.hanging_up() as port:
            watch = self.start("db", port=port, database={"wait": "60s"})
            watch.wait_for(lambda line: "not connected yet" in line["msg"])
            self.stops(watch, 5)


if __name__ == "__main__":
    main()
