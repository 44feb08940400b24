"""The guard: a second connection that holds the plan while a step runs outside a transaction."""

import signal
import time

from case import main, setUpModule  # noqa: F401
from outside import Outside

SLOW = "create procedure p(s int) language plpgsql as $$ begin insert into t values (2001, 0); " \
       "commit; perform pg_sleep(s); end $$"
GUARD = ("from pg_stat_activity where datname = current_database() and usename = 'migrator' and "
         "state = 'idle in transaction' and application_name like 'postlude/%'")
OF_MIGRATION = {"file": "0001_c.sql", "transaction": "no"}


class OneConnection(Outside):
    """A pool that gives one server connection: a clear error, soon, and nothing applied."""

    def test_says_so(self):
        db = self.pooled(1)
        plan = self.plan({"0001_t.sql": "create table first (n int);\n",
                          "0002_i.sql": "create index concurrently t_a on t (a);\n"}, db)
        began = time.monotonic()
        run = self.run_plan(plan)
        self.assertLess(time.monotonic() - began, 10, run)
        report = self.ends(run, 4, "unreachable")
        self.assertIn("second server connection", report["error"]["message"], run)
        self.assertIn("pool_size", report["error"]["hint"], run)
        self.assertEqual(report["applied"], [])
        self.assertEqual(self.lab.value("select to_regclass('first') is null", db), "t", run)
        self.assertEqual([row["outcome"] for row in self.lab.runs(db)], ["unreachable"])
        began = time.monotonic()
        plan = self.plan({"0001_t.sql": "create table first (n int);\n"}, db)
        self.applied(plan, "0001_t")
        self.assertLess(time.monotonic() - began, 3)

    def test_two_are_enough(self):
        db = self.pooled(2)
        self.applied(self.plan({"0002_i.sql": "create index concurrently t_a on t (a);\n"}, db))


class Guard(Outside):
    """Behind the pooler."""

    def guards(self, db):
        return self.lab.value(f"select count(*) {GUARD}", db)

    def calling(self, db, seconds):
        """A run in the middle of CALL p(), outside a transaction."""
        process = self.start_plan(self.plan({"0001_c.sql": f"call p({seconds});\n"}, db,
                                            migrations=[OF_MIGRATION]))
        self.at_work(db, "call p")
        self.lab.wait_for(db, f"select count(*) {GUARD}", "1")
        return process

    def test_holds_no_snapshot(self):
        db = self.table()
        plan = self.plan({"0001_i.sql": "create index concurrently t_a on t (a);\n"}, db)
        with self.old_transaction(db):
            process = self.start_plan(plan)
            self.at_work(db, "create index")
            for _ in range(8):
                self.assertEqual(self.lab.value(
                    f"select count(*) {GUARD} and (backend_xmin is null)", db), "1")
                time.sleep(0.4)
        self.ends(self.lab.finish(process), 0, "applied")

    def test_is_regained(self):
        db = self.table(SLOW)
        process = self.calling(db, 6)
        self.lab.psql(f"select pg_terminate_backend(pid, 5000) {GUARD}", db)
        self.assertEqual(self.guards(db), "0")
        self.lab.wait_for(db, f"select count(*) {GUARD}", "1", 6)
        run = self.lab.finish(process)
        self.ends(run, 0, "applied")
        self.assertIn("guards this run is back", self.messages(run))
        self.assertEqual(self.lab.value("select count(*) from t where a = 2001", db), "1")

    def test_another_run_takes_the_plan(self):
        db = self.table(SLOW)
        process = self.calling(db, 40)
        other = "01a20530-0000-7000-8000-000000000001"
        self.lab.psql(f"select pg_terminate_backend(pid, 5000) {GUARD}; "
                      f"update postlude.plan set owner = '{other}', touched_at = now() + '1 min'",
                      db)
        began = time.monotonic()
        run = self.lab.finish(process)
        self.assertLess(time.monotonic() - began, 15, run)
        report = self.ends(run, 7, "interrupted")
        self.assertIn("another run took the plan over", report["error"]["message"], run)
        self.assertEqual(self.row(db, "0001_c")["attempting"], 0, "the other run settles it")
        self.assertEqual(self.lab.value("select owner from postlude.plan", db), other)

    def test_a_live_run_keeps_the_plan(self):
        db = self.table(SLOW)
        process = self.calling(db, 8)
        run = self.run_plan(self.plan({"0001_c.sql": "call p(8);\n"}, db, migrations=[OF_MIGRATION],
                                      run={"lock_wait": "6s"}))
        self.ends(run, 5, "busy")
        self.ends(self.lab.finish(process), 0, "applied")
        self.assertEqual(self.lab.value("select count(*) from t where a = 2001", db), "1")

    def test_the_workers_session_ends(self):
        # In the middle of an index build: settled, and gone on with, in the same run.
        db = self.table()
        plan = self.plan({"0001_i.sql": "create index concurrently t_a on t (a);\n"}, db)
        with self.old_transaction(db):
            process = self.start_plan(plan)
            self.at_work(db, "create index")
            self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where "
                          "query ilike 'create index%' and datname = current_database()", db)
            time.sleep(2)
        run = self.lab.finish(process, timeout=40)
        self.ends(run, 0, "applied")
        self.assertEqual(self.indexes(db), ["t_a"], run)
        self.assertIn("the connection was lost", run.err)

    def test_the_workers_session_ends_in_a_call(self):
        db = self.table(SLOW)
        process = self.calling(db, 30)
        self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where query "
                      "ilike 'call p%' and datname = current_database()", db)
        run = self.lab.finish(process, timeout=40)
        report = self.ends(run, 6, "conflict")
        self.assertEqual(report["error"]["left"], "unknown", run)
        self.assertEqual(self.lab.value("select count(*) from t where a = 2001", db), "1")


class Pooler(Outside):
    """What only a pooler does."""

    def test_is_kept_alive(self):
        db = self.table(SLOW)
        self.lab.console("SET idle_transaction_timeout = 5")
        self.addCleanup(self.lab.console, "SET idle_transaction_timeout = 0")
        plan = self.plan({"0001_i.sql": "create index concurrently t_a on t (a);\n"}, db)
        with self.old_transaction(db):
            process = self.start_plan(plan)
            self.at_work(db, "create index")
            guard = self.lab.value(f"select pid {GUARD}", db)
            time.sleep(12)
            self.assertEqual(self.lab.value(f"select pid {GUARD}", db), guard)
        run = self.lab.finish(process)
        self.ends(run, 0, "applied")
        self.assertNotIn("was lost", run.err)

    def test_the_pooler_is_killed(self):
        # The server goes on building, with nobody to tell: waited for, and found done.
        db = self.table()
        plan = self.plan({"0001_i.sql": "create index concurrently t_a on t (a);\n"}, db,
                         database={"wait": "30s"})
        with self.old_transaction(db):
            process = self.start_plan(plan)
            self.at_work(db, "create index")
            self.lab.bouncer.child.signal(signal.SIGKILL)
            self.lab.bouncer.child.stop()
            self.lab.bouncer.start()
            time.sleep(4)
            made = self.lab.value("select 't_a'::regclass::oid", db)
            self.assertIsNone(process.poll())
        run = self.lab.finish(process, timeout=40)
        self.ends(run, 0, "applied")
        self.assertEqual(self.indexes(db), ["t_a"], run)
        self.assertEqual(self.lab.value("select 't_a'::regclass::oid", db), made)
        self.assertIn("the server still works for this run", self.messages(run))


if __name__ == "__main__":
    main()
