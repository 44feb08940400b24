"""A migration that fails: the exact place, nothing half done, nothing after it, and the way on."""

import json
import signal
import time

from case import ORDERS, LabCase, main, setUpModule  # noqa: F401

BROKEN = """-- note the é and the tab in front of the error
alter table orders add column note text;

insert into orders (id, note)
  values (1, 'é'),\t(2, nosuch('x'));
insert into orders values (3);
"""


class Failure(LabCase):
    """Failing statements, each with its place."""

    def fails(self, text, name="0001_it.sql", **how):
        """Runs a plan of this one file; the report's error. Nothing of it may be there."""
        db = self.lab.database()
        before = self.tables(db)
        run = self.lab.run("run", plan=self.lab.plan({name: text}, db), event=self.lab.event(),
                           **how)
        report = self.ends(run, 1, "failed")
        self.assertEqual(report["applied"], [])
        self.assertEqual(self.tables(db), before)
        error = report["error"]
        self.assertEqual((error["file"], error["migration"]), (name, name[:-4]), run)
        self.assertEqual(self.states(db), {name[:-4]: "failed"})
        self.assertEqual(self.lab.migrations(db)[name[:-4]]["error"]["message"], error["message"])
        return error

    def place(self, error):
        return error["line"], error["column"]

    def test_in_the_middle(self):
        db = self.lab.database()
        files = {"0001_create_orders.sql": ORDERS["0001_create_orders.sql"],
                 "0002_note.sql": BROKEN,
                 "0003_after.sql": "create table after (a int);\n"}
        plan = self.lab.plan(files, db)
        event = self.lab.event()
        run = self.lab.run("run", plan=plan, event=event)
        report = self.ends(run, 1, "failed")
        self.assertEqual([step["id"] for step in report["applied"]], ["0001_create_orders"])
        self.assertIn("0003_after", report["pending"])
        error = report["error"]
        line = BROKEN.split("\n")[4]
        self.assertEqual(
            (error["migration"], error["sqlstate"], error["file"], self.place(error)),
            ("0002_note", "42883", "0002_note.sql", (5, line.index("nosuch") + 1)), run)
        self.assertIn("nosuch", error["message"])
        self.assertIn("No function matches", error["hint"])
        self.assertTrue(error["statement"].startswith("insert into orders (id, note)"), error)
        self.assertEqual(self.tables(db), {"orders"})
        self.assertEqual(self.lab.value("select count(*) from orders", db), "0")
        self.assertEqual(self.states(db), {"0001_create_orders": "applied", "0002_note": "failed"})
        (row,) = self.lab.runs(db)
        self.assertEqual((row["outcome"], row["error"]["sqlstate"]), ("failed", "42883"))

        # Mended, the same event again goes on from there: a delivery after a failed run tries again.
        files["0002_note.sql"] = BROKEN.replace("nosuch('x')", "'x'")
        run = self.lab.run("run", plan=self.lab.plan(files, db), event=event)
        report = self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in report["applied"]], ["0002_note", "0003_after"])
        self.assertEqual(set(self.states(db).values()), {"applied"})
        self.assertIsNone(self.lab.migrations(db)["0002_note"]["error"])
        self.assertEqual(self.lab.value("select count(*) from orders", db), "3")

    def test_failing_again_without_a_change(self):
        db = self.lab.database()
        plan = self.lab.plan({"0001_it.sql": "select 1;\nselect 1/0;\n"}, db)
        for _ in range(3):
            self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 1, "failed")
        self.assertEqual([run["outcome"] for run in self.lab.runs(db)], ["failed"] * 3)

    def test_syntax_error(self):
        error = self.fails("create table t (a int);\n\n   alter tabel t add b int;\n")
        self.assertEqual((error["sqlstate"], self.place(error)), ("42601", (3, 10)))

    def test_error_without_a_position(self):
        error = self.fails("create table t (a int);;\n-- a\n/* b */ insert into t\n"
                           "select 1/0;\n select 2;\n")
        self.assertEqual((error["sqlstate"], error["line"]), ("22012", 3))
        self.assertIn("insert into t", error["statement"])

    def test_duplicate_key(self):
        error = self.fails("create table t (a int primary key);\ninsert into t values (42);\n"
                           "insert into t values (42);\n")
        self.assertEqual((error["sqlstate"], error["line"]), ("23505", 3))
        self.assertIn("(a)=(42)", error["detail"])

    def test_failing_commit(self):
        error = self.fails("create table t (a int primary key, b int references t deferrable "
                           "initially deferred);\ninsert into t values (1, 2);\n")
        self.assertEqual(error["sqlstate"], "23503")

    def test_error_in_copy_data(self):
        error = self.fails("create table t (a int);\nselect 1;\ncopy t from stdin;\n1\nx\n\\.\n"
                           "select 2;\n")
        self.assertEqual((error["sqlstate"], error["line"]), ("22P02", 3))

    def test_error_inside_a_function(self):
        error = self.fails("create table t (a int);\n"
                           "do $$\nbegin\n  perform 1/0;\nend $$;\n")
        self.assertEqual((error["sqlstate"], error["line"]), ("22012", 2))

    def test_error_after_its_own_begin(self):
        error = self.fails("begin;\ncreate table t (a int);\nselect * from nowhere;\ncommit;\n")
        self.assertEqual((error["sqlstate"], self.place(error)), ("42P01", (3, 15)))

    def test_last_statement_of_five_megabytes(self):
        text = "create table t (a int, b text);\n" + "".join(
            f"insert into t values ({n}, '{'x' * 1000} é');\n" for n in range(5_000))
        error = self.fails(text + "select 'é', nowhere;\n")
        self.assertEqual((error["sqlstate"], self.place(error)), ("42703", (5002, 13)))

    def test_byte_order_mark_does_not_move_the_column(self):
        error = self.fails("\ufeffselect nowhere;\r\n")
        self.assertEqual(self.place(error), (1, 8))
        error = self.fails("select 1;\r\n\r\nselect nowhere;\r\n")
        self.assertEqual(self.place(error), (3, 8))

    def test_long_statement_is_cut(self):
        error = self.fails(f"select nowhere, '{'é' * 5000}';\n")
        self.assertLessEqual(len(error["statement"]), 401)

    def test_statement_with_a_password_is_not_shown(self):
        db = self.lab.database()
        text = "select 1;\ncreate role nobody_knows password 'geheim-4711' nosuchoption;\n"
        run = self.lab.run("run", plan=self.lab.plan({"0001_it.sql": text}, db),
                           event=self.lab.event())
        report = self.ends(run, 1, "failed")
        self.assertEqual(report["error"]["line"], 2)
        self.assertNotIn("geheim-4711", run.out + run.err)
        self.assertNotIn("geheim-4711", json.dumps([self.lab.migrations(db), self.lab.runs(db)]))

    def test_it_may_not_touch_the_ledger(self):
        db = self.lab.database()
        plan = self.lab.plan({"0001_it.sql": "create table t (a int);\n"
                                             "delete from postlude.migration;\n"}, db)
        run = self.lab.run("run", plan=plan, event=self.lab.event())
        self.assertNotEqual(run.code, 0, run)
        self.assertNotIn("t", self.tables(db))
        self.assertNotIn("applied", self.states(db).values())

    def test_a_statement_timeout_of_one_migration(self):
        files = {"0001_slow.sql": "select pg_sleep(1);\n",
                 "0002_slower.sql": "select pg_sleep(60);\n"}
        plan = self.lab.plan(files, self.lab.database(), run={"statement_timeout": "300ms"},
                             migrations=[{"file": "0001_slow.sql", "statement_timeout": "30s"},
                                         "0002_slower.sql"])
        run = self.lab.run("run", plan=plan, event=self.lab.event())
        report = self.ends(run, 1, "failed")
        self.assertEqual([step["id"] for step in report["applied"]], ["0001_slow"])

    def test_statement_timeout(self):
        db = self.lab.database()
        plan = self.lab.plan({"0001_it.sql": "create table t (a int);\nselect pg_sleep(30);\n"},
                             db, run={"statement_timeout": "300ms"})
        report = self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 1, "failed")
        self.assertEqual((report["error"]["sqlstate"], report["error"]["line"]), ("57014", 2))
        self.assertNotIn("t", self.tables(db))

    def test_lock_timeout(self):
        db, _ = self.deployed()
        files = {**ORDERS, "0004_more.sql": "alter table orders add column more int;\n"}
        plan = self.lab.plan(files, db, run={"lock_timeout": "200ms", "retries": 1})
        with self.lab.session(db, "begin; lock table orders; select pg_sleep(60);"):
            started = time.monotonic()
            run = self.lab.run("run", plan=plan, event=self.lab.event())
            self.assertLess(time.monotonic() - started, 40)
        self.assertIn((run.code, run.report["outcome"]), ((1, "failed"), (5, "busy")), run)
        self.assertEqual(run.error["sqlstate"], "55P03")
        self.assertNotEqual(self.states(db).get("0004_more"), "applied")
        self.applies(["0004_more"], plan=plan, event=self.lab.event())


class Cut(LabCase):
    """A run that is cut off: by a signal, a deadline, a lost connection, a kill."""

    SLOW = {"0001_first.sql": "create table first (a int);\n",
            "0002_slow.sql": "create table slow (a int);\nselect pg_sleep(60);\n",
            "0003_after.sql": "create table after (a int);\n"}
    QUICK = {**SLOW, "0002_slow.sql": "create table slow (a int);\n"}

    def started(self, db, **how):
        """Starts a run and waits until it is in its slow migration; the process."""
        process = self.lab.start_run("run", "--json", event=self.lab.event(), **how)
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and state = 'active' and "
                              "wait_event = 'PgSleep'", "1")
        return process

    def goes_on(self, db, ids=("0002_slow", "0003_after")):
        """The next run, of a plan that is not slow, applies the rest."""
        self.applies(ids, plan=self.lab.plan(self.QUICK, db), event=self.lab.event())
        self.assertEqual(self.tables(db), {"first", "slow", "after"})

    def test_sigterm(self):
        for port in (self.lab.pooler, self.lab.direct):
            with self.subTest(port=port):
                db = self.lab.database()
                process = self.started(db, plan=self.lab.plan(self.SLOW, db), port=port)
                started = time.monotonic()
                process.send_signal(signal.SIGTERM)
                run = self.lab.finish(process, timeout=60)
                self.assertLess(time.monotonic() - started, 25)
                report = self.ends(run, 7, "interrupted")
                self.assertEqual([step["id"] for step in report["applied"]], ["0001_first"])
                self.assertEqual(report["error"]["migration"], "0002_slow")
                self.assertEqual(self.tables(db), {"first"})
                self.assertEqual(self.lab.runs(db)[0]["outcome"], "interrupted")
                self.goes_on(db)

    def test_deadline(self):
        db = self.lab.database()
        plan = self.lab.plan(self.SLOW, db, run={"deadline": "3s"})
        started = time.monotonic()
        report = self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 7, "interrupted")
        self.assertLess(time.monotonic() - started, 30)
        self.assertEqual([step["id"] for step in report["applied"]], ["0001_first"])
        self.assertEqual(self.tables(db), {"first"})
        self.goes_on(db)

    def test_lost_connection(self):
        # Whether the run tries again or gives up: nothing twice, and no false "applied".
        files = {**self.SLOW, "0002_slow.sql": "create table slow (a int);\n"
                                               "insert into first values (1);\n"
                                               "select pg_sleep(3);\n"}
        for port in (self.lab.pooler, self.lab.direct):
            with self.subTest(port=port):
                db = self.lab.database()
                plan = self.lab.plan(files, db)
                process = self.started(db, plan=plan, port=port)
                self.lab.psql("select pg_terminate_backend(pid) from pg_stat_activity where "
                              "wait_event = 'PgSleep' and datname = current_database()", db)
                run = self.lab.finish(process)
                self.assertIn("going on with 0002_slow", run.err)
                if run.code:
                    self.assertIn(run.report["outcome"], ("failed", "unknown", "unreachable"), run)
                    self.assertEqual(self.tables(db), {"first"})
                    self.assertNotEqual(self.states(db).get("0002_slow"), "applied")
                    self.applies(["0002_slow", "0003_after"], plan=plan, event=self.lab.event())
                self.assertEqual(self.lab.value("select count(*) from first", db), "1", run)
                self.assertEqual(self.tables(db), {"first", "slow", "after"})
                self.assertEqual(set(self.states(db).values()), {"applied"})

    def test_killed(self):
        db = self.lab.database()
        process = self.started(db, plan=self.lab.plan(self.SLOW, db))
        process.kill()
        process.communicate()
        # Its message may still run on the server: that is the next run's to wait for, or to end.
        self.lab.psql("select pg_cancel_backend(pid) from pg_stat_activity where "
                      "wait_event = 'PgSleep' and datname = current_database()", db)
        self.goes_on(db)
        self.assertEqual([run["outcome"] for run in self.lab.runs(db)], ["lost", "applied"])


if __name__ == "__main__":
    main()
