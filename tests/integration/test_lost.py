"""A connection that is lost, at any moment: nothing is done twice, and nothing said that is wrong."""

import signal
import time

from case import LONG, LabCase, everywhere, main, setUpModule  # noqa: F401
from relay import Relay
from watch import Watch

COUNT = 50
MOMENTS = 60 if LONG else 8


def identity(number):
    return f"{number:04}_effect"


def effects(pause=0.01):
    """Files that each write down that they ran, and would do so a second time."""
    return {f"{identity(n)}.sql": ("create table if not exists effects (n int);\n" if n == 1 else "")
            + f"insert into effects values ({n});\nselect pg_sleep({pause});\n"
            for n in range(1, COUNT + 1)}


OURS = "application_name like 'postlude/%' and datname = current_database()"


class Lost(LabCase):
    """A batch of fifty, and what may happen to it."""

    def start(self, db, files, port):
        return Watch(self.lab, self.lab.start_run(
            "run", "--json", plan=self.lab.plan(files, db, database={"wait": "10s"}),
            event=self.lab.event(), port=port))

    def nothing_twice(self, db, run):
        """Table, ledger and report say the same, which may be less than all; returns how many."""
        report = run.report
        applied = [step["id"] for step in report["applied"]]
        count = len(applied)
        self.assertEqual(applied, [identity(n) for n in range(1, count + 1)], run)
        self.assertEqual(self.lab.value("select array_agg(n order by n) from effects", db),
                         "{" + ",".join(str(n) for n in range(1, count + 1)) + "}", run)
        states = self.states(db)
        self.assertEqual([one for one in states if states[one] == "applied"], applied, run)
        self.assertEqual(report["pending"], [identity(n) for n in range(count + 1, COUNT + 1)])
        return count

    def in_the_middle(self, db, number, watch):
        """Waits until the batch is about to do its number-th, of MOMENTS."""
        self.lab.wait_for(db, f"select count(*) > 0 from pg_stat_activity where {OURS} "
                              "and state = 'active'", "t")
        time.sleep(0.9 * number / MOMENTS)
        return watch.process.poll() is None

    @everywhere
    def test_a_backend_that_is_ended_at_any_moment(self, port):
        found = 0
        for number in range(MOMENTS):
            db = self.lab.database()
            watch = self.start(db, effects(), port)
            self.in_the_middle(db, number, watch)
            self.lab.psql(f"select pg_terminate_backend(pid) from pg_stat_activity where {OURS}",
                          db)
            run = watch.finish()
            self.ends(run, 0, "applied")
            self.assertEqual(self.nothing_twice(db, run), COUNT)
            found += "finding out" in run.err
        self.assertGreaterEqual(found, MOMENTS / 4, "hardly ever in the middle")

    @everywhere
    def test_a_network_that_breaks_at_any_moment(self, port):
        # The server knows nothing of it, and goes on with what it has got.
        found = 0
        for number in range(MOMENTS):
            with Relay(port) as relay:
                db = self.lab.database()
                watch = self.start(db, effects(), relay.port)
                self.in_the_middle(db, number, watch)
                relay.cut()
                run = watch.finish()
                self.ends(run, 0, "applied")
                self.assertEqual(self.nothing_twice(db, run), COUNT)
                found += "finding out" in run.err
        self.assertGreaterEqual(found, MOMENTS / 4, "hardly ever in the middle")

    @everywhere
    def test_a_migration_that_ends_its_own_session(self, port):
        files = effects(0)
        files[f"{identity(25)}.sql"] = "select pg_terminate_backend(pg_backend_pid());\n"
        db = self.lab.database()
        run = self.start(db, files, port).finish()
        self.ends(run, 1, "failed")
        self.assertEqual(run.error["migration"], identity(25))
        self.assertEqual(self.nothing_twice(db, run), 24)
        self.assertEqual([row["outcome"] for row in self.lab.runs(db)], ["failed"])

    @everywhere
    def test_a_killed_run_leaves_no_backend_at_work(self, port):
        # PostgreSQL 14 and later notice, within a second.
        db = self.lab.database()
        files = {"0001_slow.sql": "create table slow (n int);\nselect pg_sleep(60);\n"}
        watch = self.start(db, files, port)
        asleep = f"select count(*) from pg_stat_activity where wait_event = 'PgSleep' and {OURS}"
        self.lab.wait_for(db, asleep, "1")
        watch.process.send_signal(signal.SIGKILL)
        watch.process.wait()
        self.lab.wait_for(db, asleep, "0", seconds=4)
        self.assertEqual(self.tables(db), set())


if __name__ == "__main__":
    main()
