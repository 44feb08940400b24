"""Others in the way: what is tried again, who is named, and what is left untouched."""

import contextlib
import json
import threading
import time

from case import LabCase, everywhere, main, setUpModule  # noqa: F401
from watch import Watch

FILES = {"0001_before.sql": "create table before (n int);\n",
         "0002_busy.sql": "create table busy (n int);\nalter table taken add column more int;\n",
         "0003_after.sql": "create table after (n int);\n"}
IDS = [name[:-4] for name in FILES]
HOLD = "begin;\nlock table taken; select pg_sleep({0});"
QUICK = {"lock_timeout": "300ms", "retries": 1}


class Base(LabCase):
    """Each test has a database with a table `taken`."""

    def database(self, **how):
        db = self.lab.database(**how)
        self.lab.psql("set role orders_owner; create table taken (n int); "
                      "insert into taken select generate_series(1, 3)", db)
        return db

    def start(self, db, *args, files=None, port=None, **changes):
        files = FILES if files is None else files
        return Watch(self.lab, self.lab.start_run(
            "run", "--json", *args, plan=self.lab.plan(files, db, **changes),
            event=self.lab.event(), port=port))

    def run_plan(self, db, *args, **how):
        return self.start(db, *args, **how).finish()

    def retried(self, run):
        return [line for line in run.log if "tried again" in line["msg"]]


class Locks(Base):
    """Locked tables. The login may see what others do, but in the test that says otherwise."""

    def setUp(self):
        self.lab.psql("grant pg_read_all_stats to migrator")

    @everywhere
    def test_the_blocker_ends_and_the_migration_is_applied(self, port):
        db = self.database()
        with self.lab.session(db, HOLD.format(60)):
            pid = int(self.lab.value("select pid from pg_stat_activity where query like "
                                     "'lock table taken%' or wait_event = 'PgSleep' "
                                     "and datname = current_database()", db))
            watch = self.start(db, port=port, run={"lock_timeout": "400ms"})
            line = watch.wait_for(lambda line: line.get("pid") == pid)
            self.assertIn("retry", watch.wait_for(
                lambda line: "tried again" in line["msg"])["msg"])
        self.ends(run := watch.finish(), 0, "applied")
        self.assertEqual([step["id"] for step in run.report["applied"]], IDS)
        self.assertGreaterEqual(len(self.retried(run)), 1)
        self.assertEqual((line["level"], line["user"]), ("warn", "lab"))
        self.assertTrue(line["application"].startswith("session"), line)
        self.assertGreater(line["age_ms"], 0)
        self.assertIn("pg_sleep", line["query"])

    @everywhere
    def test_locked_through_every_retry(self, port):
        db = self.database()
        with self.lab.session(db, HOLD.format(60)):
            run = self.run_plan(db, port=port, run=QUICK)
            report = self.ends(run, 5, "busy")
        self.assertEqual([step["id"] for step in report["applied"]], IDS[:1])
        self.assertEqual(self.tables(db), {"taken", "before"})
        self.assertNotEqual(self.states(db).get(IDS[1]), "applied")
        error = report["error"]
        self.assertEqual((error["migration"], error["sqlstate"], error["line"]),
                         (IDS[1], "55P03", 2))
        self.assertEqual(len(self.retried(run)), 1)
        self.assertNotIn("every retry", json.dumps(self.retried(run)))
        (blocker,) = error["blockers"]
        self.assertEqual(blocker["user"], "lab")
        self.assertIn("pg_sleep", blocker["query"])
        self.assertGreater(blocker["age_ms"], 0)
        self.assertEqual(self.lab.runs(db)[0]["outcome"], "busy")
        self.ends(self.run_plan(db), 0, "applied")

    def test_a_login_that_may_not_see_others(self):
        self.lab.psql("revoke pg_read_all_stats from migrator")
        db = self.database()
        with self.lab.session(db, HOLD.format(60)):
            run = self.run_plan(db, run=QUICK)
            text = self.lab.run("run", "--log", "text", as_json=False, event=self.lab.event(),
                                plan=self.lab.plan(FILES, db, run=QUICK))
        self.ends(run, 5, "busy")
        (blocker,) = run.error["blockers"]
        self.assertEqual((blocker["user"], blocker["query"], blocker["age_ms"]),
                         ("lab", None, None))
        self.assertIn(f"pid {blocker['pid']}, user lab", text.out)
        self.assertNotIn("-1 ms", text.out + text.err)

    def test_the_text_names_the_blocker(self):
        db = self.database()
        with self.lab.session(db, HOLD.format(60)):
            run = self.lab.run("run", "--log", "text", as_json=False, event=self.lab.event(),
                               plan=self.lab.plan(FILES, db, run=QUICK))
        self.assertEqual(run.code, 5, run)
        pid = self.lab.runs(db)[0]["report"]["error"]["blockers"][0]["pid"]
        self.assertIn(f"pid {pid}, user lab", run.out)

    def test_limits_of_one_migration(self):
        db = self.database()
        entries = ["0001_before.sql", {"file": "0002_busy.sql", "retries": 0,
                                       "lock_timeout": "1500ms"}, "0003_after.sql"]
        with self.lab.session(db, HOLD.format(60)):
            started = time.monotonic()
            run = self.run_plan(db, migrations=entries, run={"lock_timeout": "100ms"})
            self.assertGreater(time.monotonic() - started, 1.5)
        self.ends(run, 5, "busy")
        self.assertEqual(self.retried(run), [])

    def test_a_short_lock_timeout_still_names_the_blocker(self):
        db = self.database()
        with self.lab.session(db, HOLD.format(60)):
            run = self.run_plan(db, run={"lock_timeout": "200ms", "retries": 3})
        self.ends(run, 5, "busy")
        self.assertEqual(len(run.error["blockers"]), 1, run)

    def test_a_pool_of_one(self):
        # Nobody can be asked who is in the way; it ends all the same.
        db = self.database(pool_size=1)
        with self.lab.session(db, HOLD.format(60)):
            started = time.monotonic()
            run = self.run_plan(db, run=QUICK)
            self.assertLess(time.monotonic() - started, 30)
        self.ends(run, 5, "busy")
        self.assertEqual(self.tables(db), {"taken", "before"})
        started = time.monotonic()
        self.ends(self.run_plan(db), 0, "applied")
        self.assertLess(time.monotonic() - started, 10)

    def test_a_password_in_the_query_of_the_blocker(self):
        db = self.database()
        with self.lab.session(db, "begin;\nlock table taken; select pg_sleep(60), "
                                  "'alter role x password geheim-4712';"):
            run = self.run_plan(db, run=QUICK)
        self.ends(run, 5, "busy")
        self.assertEqual(len(run.error["blockers"]), 1, run)
        self.assertNotIn("geheim-4712", run.out + run.err)
        self.assertNotIn("geheim-4712", json.dumps([self.lab.migrations(db), self.lab.runs(db)]))

    def test_an_error_after_a_retry_has_nothing_of_it(self):
        # What was said of the retry is not said of what fails later.
        files = {**FILES, "0003_after.sql": "create table after (n int);\nselect pg_sleep(60);\n"}
        db = self.database()
        with self.lab.session(db, HOLD.format(60)):
            watch = self.start(db, files=files, run={**QUICK, "retries": 50, "deadline": "60s"})
            watch.wait_for(lambda line: line.get("user") == "lab")
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep'", "1")
        watch.process.terminate()
        report = self.ends(watch.finish(), 7, "interrupted")
        error = report["error"]
        self.assertEqual((error["migration"], error["file"]), (IDS[2], "0003_after.sql"))
        for key in ("sqlstate", "line", "column", "statement", "detail"):
            self.assertIsNone(error[key], error)
        self.assertFalse(error["blockers"], error)


class Conflicts(Base):
    """Deadlocks and serialization failures."""

    def test_a_deadlock(self):
        db = self.database()
        files = {"0001_it.sql": "update taken set n = 10 where n = 1;\nselect pg_sleep(1);\n"
                                "update taken set n = 20 where n = 2;\n"}
        # The other session has patience, so that it is ours which the server picks.
        other = ("set deadlock_timeout = '60s'; begin;\nupdate taken set n = 2 where n = 2;\n"
                 "do $$ begin for i in 1..200 loop perform pg_sleep(0.05);"
                 " perform pg_stat_clear_snapshot();"
                 " exit when exists (select from pg_stat_activity where wait_event = 'PgSleep'"
                 " and application_name like 'postlude/%'); end loop; end $$;\n"
                 "update taken set n = 1 where n = 1;\ncommit;\n")
        thread = threading.Thread(target=self.lab.psql, args=(other, db))
        thread.start()
        self.lab.wait_for(db, "select count(*) from pg_locks where mode = 'RowExclusiveLock' "
                              "and relation = 'taken'::regclass", "1")
        run = self.run_plan(db, files=files, run={"lock_timeout": "30s"})
        thread.join()
        self.ends(run, 0, "applied")
        self.assertIn("40P01", json.dumps(self.retried(run)))
        self.assertEqual(self.lab.value("select array_agg(n order by n) from taken", db),
                         "{3,10,20}")

    def test_a_serialization_failure(self):
        db = self.database()
        files = {"0001_it.sql": "begin isolation level serializable;\n"
                                "select count(*) from taken;\nselect pg_sleep(1);\n"
                                "update taken set n = n + 10 where n = 1;\ncommit;\n"}
        watch = self.start(db, files=files)
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep'", "1")
        self.lab.psql("update taken set n = n where n = 1", db)
        run = watch.finish()
        self.ends(run, 0, "applied")
        self.assertIn("40001", json.dumps(self.retried(run)))
        self.assertEqual(self.lab.value("select array_agg(n order by n) from taken", db),
                         "{2,3,11}")


class Waiting(Base):
    """A second run beside one that holds the plan."""

    SLOW = {"0001_before.sql": FILES["0001_before.sql"],
            "0002_slow.sql": "select pg_sleep(20);\n"}

    @contextlib.contextmanager
    def ended(self, *watches):
        try:
            yield
        finally:
            for watch in watches:
                watch.process.terminate()
                watch.finish()

    def test_the_waiter_says_who_holds_the_plan(self):
        alone = {**self.SLOW, "0002_slow.sql": "vacuum taken;\nselect pg_sleep(20);\n"}
        for files in (self.SLOW, alone):
            db = self.database()
            # Outside a transaction the plan's limits are the login's.
            first = self.start(db, files=files)
            self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                                  "current_database() and wait_event = 'PgSleep'", "1")
            second = self.start(db, files=files)
            with self.ended(first, second):
                line = second.wait_for(lambda line: "holder" in line)
                owner = self.lab.rows("select owner, owned_since from postlude.plan", db)[0]
                self.assertEqual(line["holder"], owner["owner"])
                self.assertEqual(line["since"][:19], owner["owned_since"][:19])
                self.assertTrue(line["migration"] and "0002_slow".startswith(line["migration"]),
                                line)

    def test_a_long_name_is_cut(self):
        db = self.database()
        files = {"0002_äöüäöüäöüäöüäöü.sql": "select pg_sleep(20);\n"}
        first = self.start(db, files=files)
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep'", "1")
        second = self.start(db, files=files)
        with self.ended(first, second):
            line = second.wait_for(lambda line: "holder" in line)
            self.assertTrue(line["migration"].startswith("0002_"), line)

    def test_a_run_that_backs_off_keeps_the_plan(self):
        db = self.database()
        limits = {"lock_timeout": "100ms", "retries": 12}
        with self.lab.session(db, HOLD.format(60)):
            first = self.start(db, run=limits)
            # Pauses grow: from the fifth on they are longer than the lease of 5 s may be.
            first.wait_for(lambda line: "retry 6 of" in line["msg"], seconds=60)
            second = self.start(db, run={"lock_wait": "6s", **limits})
            self.ends(run := second.finish(), 5, "busy")
            self.assertEqual(run.report["applied"], [])
            self.assertIsNone(first.process.poll())
        self.ends(one := first.finish(), 0, "applied")
        self.assertEqual([step["id"] for step in one.report["applied"]], IDS)


if __name__ == "__main__":
    main()
