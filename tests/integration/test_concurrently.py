"""CONCURRENTLY and what it leaves: every index once, valid, and nobody else's touched."""

import threading
import time

from case import main, setUpModule  # noqa: F401
from outside import Outside

NAMED = "create index concurrently t_a on t (a);\n"
UNNAMED = "create index concurrently on t (a);\n"
BUSY = ("select count(*) from pg_stat_activity where usename = 'migrator' and state <> 'idle' and "
        "datname = current_database()")


class Concurrently(Outside):
    """Behind the pooler."""

    def of(self, text, db, **changes):
        return self.plan({"0001_i.sql": text}, db, **changes)

    # What stood there before ------------------------------------------------------------------

    def doubled(self):
        """A table with a row twice, so that a unique index over a fails."""
        return self.table("insert into t values (1, 1)")

    def test_a_failure_leaves_no_index(self):
        db = self.doubled()
        for name in ("t_u", ""):
            plan = self.of(f"create unique index concurrently {name} on t (a);\n", db)
            run = self.run_plan(plan)
            report = self.ends(run, 1, "failed")
            self.assertEqual(report["error"]["sqlstate"], "23505", run)
            self.assertEqual(self.indexes(db), [], run)
            self.assertEqual(self.row(db, "0001_i")["state"], "failed")
        self.lab.psql("delete from t where ctid = (select max(ctid) from t where a = 1)", db)
        self.applied(plan, "0001_i")
        self.assertEqual(self.indexes(db), ["t_a_idx"])

    def leftover(self, table="t", name="t_u"):
        """An invalid index that somebody's own try left."""
        db = self.doubled()
        if table != "t":
            self.lab.psql(f"create schema other; create table other.{table} as select * from t; "
                          f"alter table other.{table} owner to migrator", db)
            table = f"other.{table}"
        self.lab.psql_error(f"create unique index concurrently {name} on {table} (a)", db=db)
        self.assertEqual(self.indexes(db, table), [name + "!"])
        return db

    def test_drops_a_leftover_first(self):
        for exists in ("", "if not exists "):
            with self.subTest(exists):
                db = self.leftover()
                self.lab.psql("delete from t where a = 1", db)
                run = self.applied(self.of(
                    f"create unique index concurrently {exists}t_u on t (a);\n", db), "0001_i")
                self.assertEqual(self.indexes(db), ["t_u"], run)
                self.assertIn("dropping an index that was never finished", self.messages(run))

    def test_lets_another_tables_index_be(self):
        db = self.leftover("t2", "t_a")
        self.applied(self.of(NAMED, db), "0001_i")
        self.assertEqual(self.indexes(db), ["t_a"])
        self.assertEqual(self.indexes(db, "other.t2"), ["t_a!"])
        db = self.doubled()
        self.lab.psql("create table t2 as select * from t", db)
        self.lab.psql_error("create unique index concurrently t_a on t2 (a)", db=db)
        run = self.run_plan(self.of(NAMED, db))
        self.assertEqual(self.ends(run, 1, "failed")["error"]["sqlstate"], "42P07", run)
        self.assertEqual(self.indexes(db, "t2"), ["t_a!"])

    def test_lets_a_partitioned_index_be(self):
        db = self.table("create table p (a int) partition by range (a); create table p1 partition "
                        "of p for values from (0) to (100); create index p_a on only p (a)")
        self.assertEqual(self.indexes(db, "p"), ["p_a!"])
        made = self.lab.value("select 'p_a'::regclass::oid", db)
        run = self.run_plan(self.of("create index concurrently if not exists p_a on p (a);\n", db))
        self.ends(run, 1, "failed")
        self.assertEqual(self.indexes(db, "p"), ["p_a!"], run)
        run = self.run_plan(self.of("create index concurrently p1_a on p1 (a);\n"
                                    "create index if not exists p_a on only p (a);\n", db))
        self.ends(run, 0, "applied")
        self.assertEqual(self.lab.value("select 'p_a'::regclass::oid", db), made)
        self.assertEqual(self.indexes(db, "p1"), ["p1_a"])

    def test_validate_warns_of_no_name(self):
        db = self.table()
        run = self.lab.run("validate", plan=self.of(UNNAMED, db), as_json=False)
        self.assertIn("CREATE INDEX CONCURRENTLY has no name", run.out + run.err)

    # Killed ------------------------------------------------------------------------------------

    def test_killed_at_once(self):
        for text, name in ((NAMED, "t_a"), (UNNAMED, "t_a_idx")):
            with self.subTest(name):
                db = self.table()
                plan = self.of(text, db)
                with self.old_transaction(db):
                    process = self.start_plan(plan)
                    self.at_work(db, "create index")
                    self.killed(process, db)
                    self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                                  "where query ilike 'create index%' and datname = "
                                  "current_database()", db)
                    self.assertEqual(self.indexes(db), [name + "!"])
                run = self.applied(plan, "0001_i")
                self.assertEqual(self.indexes(db), [name], run)

    def orphan(self, db, text):
        """A killed run whose backend goes on building, for an old transaction is in its way."""
        plan = self.of(text, db)
        process = self.start_plan(plan)
        self.at_work(db, "create index")
        self.killed(process, db)
        return plan

    def test_an_orphan_is_waited_for(self):
        for text, name in ((NAMED, "t_a"), (UNNAMED, "t_a_idx")):
            with self.subTest(name):
                db = self.table()
                with self.old_transaction(db):
                    plan = self.orphan(db, text)
                    working = self.lab.value(
                        "select count(*) from pg_stat_activity where state = 'active' and query "
                        "ilike 'create index%' and datname = current_database()", db)
                    process = self.start_plan(plan)
                    time.sleep(3 if working == "1" else 0)
                    if working == "1":
                        self.assertIsNone(process.poll(), "it waits")
                        self.assertEqual(self.indexes(db), [name + "!"])
                        built = self.lab.value(f"select '{name}'::regclass::oid", db)
                run = self.lab.finish(process)
                self.ends(run, 0, "applied")
                self.assertEqual(self.indexes(db), [name], run)
                if working == "1":
                    self.assertEqual(self.lab.value(f"select '{name}'::regclass::oid", db), built,
                                     "not built twice")
                    self.assertIn("the server still works for an earlier run", self.messages(run))

    def test_an_orphan_is_not_waited_for_for_ever(self):
        db = self.table()
        with self.old_transaction(db):
            self.orphan(db, NAMED)
            if self.lab.value("select count(*) from pg_stat_activity where state = 'active' and "
                              "query ilike 'create index%' and datname = current_database()",
                              db) == "0":
                return  # the server has seen that nobody listens
            run = self.run_plan(self.of(NAMED, db, run={"lock_wait": "2s"}))
            report = self.ends(run, 5, "busy")
            self.assertIn("pg_cancel_backend", report["error"]["hint"], run)
            self.assertEqual((report["error"]["migration"], report["error"]["left"]),
                             ("0001_i", "statements"), run)
            self.assertEqual(self.indexes(db), ["t_a!"], "not dropped while it is built")

    def test_somebody_else_builds_it(self):
        db = self.table()
        with self.old_transaction(db):
            builder = threading.Thread(target=self.lab.psql, args=(NAMED, db))
            builder.start()
            self.lab.wait_for(db, "select count(*) from pg_stat_progress_create_index", "1")
            made = self.lab.value("select 't_a'::regclass::oid", db)
            process = self.start_plan(self.of(NAMED, db))
            time.sleep(3)
            self.assertIsNone(process.poll(), "it waits")
        builder.join()
        run = self.lab.finish(process)
        self.assertEqual(self.ends(run, 1, "failed")["error"]["sqlstate"], "42P07", run)
        self.assertIn("another session is building index public.t_a", self.messages(run))
        self.assertEqual(self.indexes(db), ["t_a"], run)
        self.assertEqual(self.lab.value("select 't_a'::regclass::oid", db), made)

    # Blocked -----------------------------------------------------------------------------------

    def test_told_to_stop_while_blocked(self):
        db = self.table()
        plan = self.of(NAMED, db)
        with self.old_transaction(db):
            process = self.start_plan(plan)
            self.at_work(db, "create index")
            time.sleep(2.5)
            self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and application_name like 'postlude/%' and "
                              "state = 'idle in transaction' and backend_xmin is not null", "0")
            run = self.terminated(process, 10)
            report = self.ends(run, 7, "interrupted")
            self.assertEqual(self.indexes(db), [], run)
            blockers = report["error"]["blockers"]
            self.assertTrue(blockers, run)
            self.assertTrue(blockers[0]["application"].startswith("session"), run)
            self.assertIn("in the way: pid", self.messages(run))
            self.assertEqual(self.lab.value(BUSY, db), "0")
        self.applied(plan, "0001_i")

    def test_told_to_stop_with_the_table_in_use(self):
        # Then the index cannot be dropped either, but the next run does: it has no name by which to
        # find it.
        db = self.table()
        plan = self.of(UNNAMED, db)
        with self.lab.session(db, "begin; insert into t values (3000, 1); select pg_sleep(100);"):
            process = self.start_plan(plan)
            self.at_work(db, "create index")
            time.sleep(0.5)
            run = self.terminated(process, 15)
            self.ends(run, 7, "interrupted")
            self.assertEqual(self.lab.value(BUSY, db), "0")
        run = self.applied(plan, "0001_i")
        self.assertEqual(self.indexes(db), ["t_a_idx"], run)

    def test_no_lock_timeout_ends_it(self):
        db = self.table()
        plan = self.of(NAMED, db, run={"lock_timeout": "200ms", "retries": 0})
        with self.lab.session(db, "begin; lock table t in share row exclusive mode; "
                                  "select pg_sleep(100);"):
            process = self.start_plan(plan)
            self.at_work(db, "create index")
            time.sleep(2)
            self.assertIsNone(process.poll())
        self.ends(self.lab.finish(process), 0, "applied")
        self.assertEqual(self.indexes(db), ["t_a"])

    def test_statement_timeout_ends_it(self):
        db = self.table()
        plan = self.of(NAMED, db, run={"statement_timeout": "2s"})
        with self.old_transaction(db):
            began = time.monotonic()
            run = self.run_plan(plan)
            self.assertLess(time.monotonic() - began, 10)
            report = self.ends(run, 1, "failed")
            self.assertIn("statement_timeout", report["error"]["message"], run)
            self.assertIn("statement_timeout", report["error"]["hint"], run)
            self.assertEqual(report["error"]["line"], 1, run)
            self.assertTrue(report["error"]["blockers"], run)
            self.assertEqual(self.indexes(db), [], run)
        self.applied(plan, "0001_i")

    # Others ------------------------------------------------------------------------------------

    def test_reindex_mends_and_drops_only_its_own(self):
        db = self.leftover()
        self.lab.psql("delete from t where a = 1; create index t_b on t (b); create index t_b_ccnew on t (b); update pg_index "
                      "set indisvalid = false where indexrelid = 't_b_ccnew'::regclass", db)
        before = self.indexes(db)
        self.assertIn("t_b_ccnew!", before)
        target = self.lab.value("select 't_u'::regclass::oid", db)
        plan = self.of("reindex index concurrently t_u;\nreindex table concurrently t;\n", db)
        with self.old_transaction(db):
            process = self.start_plan(plan)
            self.at_work(db, "reindex")
            self.killed(process, db)
            self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where "
                          "query ilike 'reindex%' and datname = current_database()", db)
            self.assertIn("t_u_ccnew!", self.indexes(db))
        self.assertEqual(self.lab.value("select 't_u'::regclass::oid", db), target)
        run = self.applied(plan, "0001_i")
        after = [name for name in self.indexes(db) if "_cc" in name]
        self.assertEqual(after, ["t_b_ccnew!"], run)
        self.assertIn("t_u", self.indexes(db))

    def test_drop_index_killed(self):
        db = self.table("create index t_a on t (a)")
        plan = self.of("drop index concurrently t_a;\ninsert into t values (2001, 0);\n", db)
        with self.lab.session(db, "begin; insert into t values (1, 1); select pg_sleep(100);"):
            process = self.start_plan(plan)
            self.at_work(db, "drop index")
            self.killed(process, db)
            self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where "
                          "query ilike 'drop index%' and datname = current_database()", db)
        run = self.applied(plan, "0001_i")
        self.assertEqual(self.indexes(db), [], run)
        self.assertEqual(self.lab.value("select count(*) from t where a = 2001", db), "1")

    def test_detach_is_finished(self):
        db = self.table("create table p (a int) partition by range (a); create table p1 partition "
                        "of p for values from (0) to (100)")
        plan = self.of("alter table p detach partition p1 concurrently;\n", db)
        with self.lab.session(db, "begin isolation level repeatable read; select * from p; "
                                  "select pg_sleep(100);"):
            process = self.start_plan(plan)
            self.at_work(db, "detach")
            self.lab.wait_for(db, "select count(*) from pg_inherits where inhdetachpending", "1")
            run = self.terminated(process, 10)
            self.ends(run, 7, "interrupted")
        self.assertEqual(self.lab.value("select count(*) from pg_inherits where inhdetachpending",
                                        db), "1")
        run = self.applied(plan, "0001_i")
        self.assertEqual(self.lab.value("select count(*) from pg_inherits where inhrelid = "
                                        "'p1'::regclass", db), "0", run)

    def test_create_database_killed(self):
        db = self.table()
        self.lab.psql("alter role migrator createdb")
        self.addCleanup(self.lab.psql, "alter role migrator nocreatedb")
        name = f"made_by_{db}"
        self.addCleanup(self.lab.psql, f"drop database if exists {name}")
        plan = self.of(f"create database {name};\n", db)
        with self.lab.session("template1", "select pg_sleep(100);"):  # waited for, up to 5 s
            process = self.start_plan(plan)
            self.at_work(db, "create database")
            self.killed(process, db)
        run = self.applied(plan, "0001_i")
        self.assertEqual(self.lab.value(f"select count(*) from pg_database where datname = "
                                        f"'{name}'"), "1", run)
        self.lab.psql(f"drop database {name}")


if __name__ == "__main__":
    main()
