"""Steps outside a transaction: statement by statement, recorded, gone on with, and verified."""

from case import main, setUpModule  # noqa: F401
from outside import Direct, Outside

MIXED = ("insert into t values (2001, 0);\n"
         "create index concurrently t_a on t (a);\n"
         "insert into t values (2002, 1 / (select count(*) from goes_on));\n"
         "create index concurrently t_b on t (b);\n"
         "insert into t values (2003, 0);\n")


class Statements(Outside):
    """One by one, behind the pooler."""

    def added(self, db):
        return self.lab.value("select array_agg(a order by a) from t where a > 2000", db)

    def test_one_index(self):
        db = self.table()
        plan = self.plan({"0001_i.sql": "create index concurrently t_a on t (a);\n",
                          "0002_after.sql": "create table after (n int);\n"}, db)
        run = self.applied(plan, "0001_i", "0002_after")
        row = self.row(db, "0001_i")
        self.assertEqual((row["state"], row["kind"], row["statements_done"], row["attempting"],
                          row["note"]), ("applied", "alone", 1, None, None), run)
        self.assertEqual(self.indexes(db), ["t_a"])
        self.ends(self.run_plan(plan), 0, "nothing")

    def test_goes_on_behind_a_failure(self):
        db = self.table("create table goes_on (n int)")
        plan = self.plan({"0001_m.sql": MIXED, "0002_n.sql": "create table n (n int);\n"}, db)
        run = self.run_plan(plan)
        report = self.ends(run, 1, "failed")
        error = report["error"]
        self.assertEqual((error["left"], error["line"], error["sqlstate"]),
                         ("statements", 3, "22012"), run)
        self.assertEqual(error["migration"], "0001_m")
        self.assertIn("goes_on", error["statement"])
        self.assertEqual(report["pending"], ["0001_m", "0002_n"], run)
        row = self.row(db, "0001_m")
        self.assertEqual((row["state"], row["statements_done"]), ("failed", 2))
        self.assertEqual(self.added(db), "{2001}")
        text = self.lab.run("run", plan=plan, event=self.lab.event(), as_json=False,
                            port=self.port(), env={"POSTLUDE_LOG": "text"})
        self.assertIn("Statements 1 and 2 of 5 of 0001_m are done and stay", text.out + text.err)
        self.assertEqual(self.added(db), "{2001}", "nothing twice")
        self.lab.psql("insert into goes_on values (1)", db)
        again = self.applied(plan, "0001_m", "0002_n")
        self.assertEqual(self.added(db), "{2001,2002,2003}", again)
        self.assertEqual(self.indexes(db), ["t_a", "t_b"])
        self.assertEqual(self.row(db, "0001_m")["statements_done"], 5)

    def test_mends_what_is_not_done(self):
        db = self.table("create table goes_on (n int)")
        changed = MIXED.replace("1 / (select count(*) from goes_on)", "7")
        self.ends(self.run_plan(self.plan({"0001_m.sql": MIXED}, db)), 1, "failed")
        spoilt = self.run_plan(self.plan({"0001_m.sql": changed.replace("2001", "2009")}, db))
        report = self.ends(spoilt, 6, "conflict")
        self.assertIn("changed in the file since", report["error"]["message"])
        self.assertIsNone(report["error"]["left"])
        self.assertIn("resolve 0001_m", report["error"]["hint"])
        self.assertEqual(self.added(db), "{2001}")
        short = self.run_plan(self.plan({"0001_m.sql": "insert into t values (2001, 0);\n"}, db))
        self.ends(short, 6, "conflict")
        self.applied(self.plan({"0001_m.sql": changed}, db), "0001_m")
        self.assertEqual(self.added(db), "{2001,2002,2003}")

    def test_killed_in_a_transaction(self):
        db = self.table()
        plan = self.plan({"0001_s.sql": "insert into t values (2001, 0);\n"
                                        "insert into t select 2002, 0 from pg_sleep(1.5);\n"
                                        "create index concurrently t_a on t (a);\n"}, db)
        process = self.start_plan(plan)
        self.at_work(db, "2002")
        self.killed(process, db)
        run = self.applied(plan, "0001_s")
        self.assertEqual(self.added(db), "{2001,2002}", run)
        self.assertEqual(self.indexes(db), ["t_a"])

    def test_a_procedure_that_commits(self):
        db = self.table("create procedure p() language plpgsql as $$ begin insert into t values "
                        "(2001, 0); commit; insert into t values (2002, 0); end $$")
        plan = self.plan({"0001_p.sql": "call p();\ninsert into t values (2003, 0);\n"}, db,
                         migrations=[{"file": "0001_p.sql", "transaction": "no"}])
        self.applied(plan, "0001_p")
        self.assertEqual(self.added(db), "{2001,2002,2003}")

    def test_never_in_a_function(self):
        db = self.table("create function f() returns void language plpgsql as $$ begin execute "
                        "'vacuum t'; end $$")
        plan = self.plan({"0001_f.sql": "insert into t values (2001, 0);\nselect f();\n"}, db,
                         migrations=[{"file": "0001_f.sql", "transaction": "no"}])
        run = self.run_plan(plan)
        report = self.ends(run, 1, "failed")
        self.assertEqual((report["error"]["sqlstate"], report["error"]["line"]), ("25001", 2), run)
        self.assertNotIn("transaction: \"no\"", report["error"]["hint"] or "", run)
        self.assertEqual(self.row(db, "0001_f")["statements_done"], 1)

    def test_a_value_of_an_enum(self):
        db = self.table("create type e as enum ('a')")
        plan = self.plan({"0001_e.sql": "alter type e add value 'b';\n"
                                        "create table u (v e default 'b');\n"}, db,
                         migrations=[{"file": "0001_e.sql", "transaction": "no"}])
        self.applied(plan, "0001_e")

    def test_told_to_stop(self):
        db = self.table()
        plan = self.plan({"0001_s.sql": "insert into t values (2001, 0);\n"
                                        "insert into t select 2002, 0 from pg_sleep(20);\n"
                                        "create index concurrently t_a on t (a);\n"}, db)
        process = self.start_plan(plan)
        self.at_work(db, "2002")
        run = self.terminated(process, 10)
        report = self.ends(run, 7, "interrupted")
        self.assertEqual(report["error"]["left"], "statements", run)
        self.assertEqual(self.row(db, "0001_s")["statements_done"], 1)
        self.assertEqual(self.added(db), "{2001}")

    def test_vacuum_and_nothing_left_in_the_pool(self):
        db = self.table()
        self.applied(self.plan({"0001_v.sql": "vacuum (analyze) t;\nselect 1;\n"}, db), "0001_v")
        self.assertEqual(self.lab.value(
            "select count(*) from pg_stat_activity where datname = current_database() and "
            "xact_start < now() - interval '1 s' and pid <> pg_backend_pid()", db), "0")

    def test_no_statement_at_all(self):
        db = self.table()
        plan = self.plan({"0001_n.sql": "-- nothing\n"}, db,
                         migrations=[{"file": "0001_n.sql", "transaction": "no"}])
        self.applied(plan, "0001_n")


class StatementsDirect(Direct, Statements):
    """The same without the pooler."""


class Login(Outside):
    """Outside a transaction the login's own settings apply."""

    FILES = {"0001_t.sql": "create table first (n int);\n",
             "0002_i.sql": "create index concurrently t_a on t (a);\n"}

    def refused(self, db, plan, words):
        run = self.run_plan(plan)
        report = self.ends(run, 2, "invalid")
        self.assertEqual(self.lab.value("select to_regclass('first') is null", db), "t", run)
        for word in words:
            self.assertIn(word, report["error"]["message"] + report["error"]["hint"], run)
        return report["error"]["hint"]

    def mended(self, plan, remedy, db):
        """Carries the remedy out as its reader would: the statement before the semicolon."""
        self.lab.psql(remedy, db)
        self.drop_connections(db)
        self.applied(plan, "0001_t", "0002_i")

    def drop_connections(self, db):
        """A role's settings are a new session's."""
        self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname "
                      "= current_database() and pid <> pg_backend_pid()", db)

    def limit(self, setting, value):
        db = self.table()
        plan = self.plan(self.FILES, db)
        self.lab.psql(f"alter role migrator in database {db} set {setting} = '{value}'")
        hint = self.refused(db, plan, [setting, "ALTER ROLE", "0002_i"])
        return db, plan, hint

    def test_lock_timeout(self):
        db, plan, hint = self.limit("lock_timeout", "5s")
        self.mended(plan, hint.split(";")[0], db)

    def test_statement_timeout(self):
        db, plan, hint = self.limit("statement_timeout", "1min")
        self.mended(plan, hint.split(";")[0], db)

    def test_statement_timeout_of_the_role(self):
        db = self.table()
        self.addCleanup(self.lab.psql, "alter role migrator reset statement_timeout")
        self.lab.psql("alter role migrator set statement_timeout = '1min'")
        plan = self.plan(self.FILES, db)
        hint = self.refused(db, plan, ["statement_timeout"])
        self.mended(plan, hint.split(";")[0], db)

    def test_a_longer_statement_timeout_is_fine(self):
        db = self.table()
        self.lab.psql(f"alter role migrator in database {db} set statement_timeout = '1h'")
        self.applied(self.plan(self.FILES, db), "0001_t", "0002_i")

    def test_schema(self):
        db = self.table("create schema stock; create table stock.t (a int)")
        plan = self.plan(self.FILES, db, database={"schema": "stock"})
        hint = self.refused(db, plan, ["search_path", "stock", "ALTER ROLE"])
        self.lab.psql(hint.split(";")[0], db)
        self.drop_connections(db)
        self.applied(plan, "0001_t", "0002_i")
        self.assertEqual(self.indexes(db, "stock.t"), ["t_a"])

    def test_a_schema_that_the_plan_makes(self):
        db = self.table()
        self.lab.psql(f"alter role migrator in database {db} set search_path = later, public")
        plan = self.plan({"0001_s.sql": "create schema later; create table later.t (a int);\n",
                          "0002_i.sql": self.FILES["0002_i.sql"]}, db,
                         database={"schema": "later"})
        run = self.run_plan(plan)
        self.ends(run, 0, "applied")
        self.assertEqual(self.indexes(db, "later.t"), ["t_a"])

    def test_not_a_member(self):
        self.lab.role("stranger")
        db = self.table()
        plan = self.plan({"0002_i.sql": self.FILES["0002_i.sql"]}, db,
                         database={"role": "stranger"})
        run = self.run_plan(plan)
        report = self.ends(run, 2, "invalid")
        hint = report["error"]["hint"]
        self.assertIn("GRANT", hint)
        self.lab.psql(hint.split("; then")[0], db)
        self.applied(plan, "0002_i")

    def test_not_inherited(self):
        db = self.table(owner="orders_owner")
        plan = self.plan(self.FILES, db, database={"role": "orders_owner"})
        self.addCleanup(self.lab.psql, "alter role migrator inherit")
        self.lab.psql("alter role migrator noinherit; "
                      f"grant create on database {db} to migrator", db)
        hint = self.refused(db, plan, ["INHERIT", "orders_owner"])
        self.lab.psql(hint.split("; then")[0], db)
        self.applied(plan, "0001_t", "0002_i")


class Verify(Outside):
    """What a migration's verify says, last in its transaction, and outside one."""

    def verified(self, db, query, body="create table made (n int);\n", **entry):
        """The plan of one migration with this verify."""
        return self.plan({"0001_v.sql": body}, db,
                         migrations=[{"file": "0001_v.sql", "verify": query, **entry}])

    def test_rolled_back(self):
        db = self.table()
        for query, word in (("select false", "false"), ("select null::boolean", "null"),
                            ("select true where false", "no row"),
                            ("select true from generate_series(1, 2)", "row"),
                            ("select true, true", "column"), ("select 1 / 0 = 1", "division")):
            with self.subTest(query):
                run = self.run_plan(self.verified(db, query))
                report = self.ends(run, 1, "failed")
                self.assertIn(word, report["error"]["message"], run)
                self.assertTrue(report["error"]["file"].endswith("/postlude.yaml"), run)
                self.assertGreater(report["error"]["line"], 10, run)
                self.assertEqual(self.lab.value("select to_regclass('made') is null", db), "t", run)
                self.assertEqual(report["error"]["left"], "nothing", run)

    def test_applied_under_role_and_schema(self):
        db = self.lab.database()
        self.lab.psql("create schema stock authorization orders_owner", db)
        self.applied(self.plan(
            {"0001_v.sql": "create table made (n int);\n"}, db,
            database={"role": "orders_owner", "schema": "stock"},
            migrations=[{"file": "0001_v.sql", "verify":
                         "select current_user = 'orders_owner' and current_schema() = 'stock' and "
                         "to_regclass('made') is not null"}]), "0001_v")

    def test_leaves_nothing_in_the_session(self):
        # Advisory locks outlast its ROLLBACK.
        for value, end in (("true", (0, "applied")), ("false", (1, "failed"))):
            db = self.table("create function f() returns boolean language sql as "
                            "'select pg_try_advisory_lock(4711)'")
            run = self.run_plan(self.verified(
                db, f"select f() and {value}",
                "create index concurrently t_a on t (a);\n"))
            self.ends(run, *end)
            self.assertEqual(self.lab.value("select count(*) from pg_locks where locktype = "
                                            "'advisory'", db), "0", run)

    def test_outside_a_transaction(self):
        db = self.table()
        body = "insert into t values (2001, 0);\ncreate index concurrently t_a on t (a);\n"
        plan = self.verified(db, "select count(*) = 1 from t where a = 3000", body)
        run = self.run_plan(plan)
        report = self.ends(run, 1, "failed")
        self.assertEqual(report["error"]["left"], "statements", run)
        row = self.row(db, "0001_v")
        self.assertEqual((row["state"], row["statements_done"]), ("failed", 2), run)
        self.lab.psql("insert into t values (3000, 0)", db)
        self.applied(plan, "0001_v")
        self.assertEqual(self.lab.value("select count(*) from t where a = 2001", db), "1")

    CALL = "call p();\n"

    def in_flight(self, db, plan):
        """Kills a run in the middle of CALL p(), and the backend too."""
        process = self.start_plan(plan)
        self.at_work(db, "call p")
        self.killed(process, db)
        self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where query "
                      "ilike '%call p%' and pid <> pg_backend_pid() and datname = "
                      "current_database()", db)

    def called(self):
        return self.table("create procedure p() language plpgsql as $$ begin insert into t values "
                          "(2001, 0); commit; perform pg_sleep(2 - 2 * (select count(*) from t "
                          "where a = 4000)); end $$")

    def calls(self, db):
        return self.lab.value("select count(*) from t where a = 2001", db)

    def test_an_orphan_is_waited_for(self):
        # Its client is gone, the procedure goes on: verify is asked when it has come to its end.
        db = self.table("create procedure p() language plpgsql as $$ begin insert into t values "
                        "(2001, 0); commit; perform pg_sleep(3); insert into t values (2002, 0); "
                        "end $$")
        plan = self.verified(db, "select count(*) = 1 from t where a = 2002", self.CALL,
                             transaction="no")
        process = self.start_plan(plan)
        self.at_work(db, "call p")
        self.killed(process, db)
        run = self.applied(plan, "0001_v")
        self.assertEqual(self.lab.value("select array_agg(a order by a) from t where a > 2000", db),
                         "{2001,2002}", run)

    def test_who_waits_in_vain_takes_nothing_over(self):
        # The row goes on naming the run whose procedure the server still carries out.
        db = self.table("create procedure p() language plpgsql as $$ begin insert into t values "
                        "(2001, 0); commit; perform pg_sleep(60); end $$")
        plan = self.plan({"0001_v.sql": self.CALL}, db, run={"lock_wait": "500ms"},
                         migrations=[{"file": "0001_v.sql", "transaction": "no"}])
        process = self.start_plan(plan)
        self.at_work(db, "call p")
        self.killed(process, db)
        first = self.row(db, "0001_v")["run_id"]
        run = self.run_plan(plan)
        self.ends(run, 5, "busy")
        self.assertEqual(self.row(db, "0001_v")["run_id"], first, run)
        run = self.lab.run("resolve", "0001_v", "--retry", "--reason", "x", plan=plan,
                           port=self.port())
        self.assertEqual(run.code, 5, run)
        self.assertEqual(self.row(db, "0001_v")["state"], "started")

    def test_stopped_in_a_call(self):
        # What it committed before it was cancelled, nobody knows.
        db = self.called()
        bare = self.plan({"0001_v.sql": self.CALL}, db,
                         migrations=[{"file": "0001_v.sql", "transaction": "no"}])
        process = self.start_plan(bare)
        self.at_work(db, "call p")
        self.lab.wait_for(db, "select count(*) from t where a = 2001", "1")
        run = self.terminated(process, 10)
        report = self.ends(run, 7, "interrupted")
        self.assertEqual(report["error"]["left"], "unknown", run)
        self.ends(self.run_plan(bare), 6, "conflict")
        self.assertEqual(self.calls(db), "1")
        self.applied(self.verified(db, "select count(*) > 0 from t where a = 2001", self.CALL,
                                   transaction="no"), "0001_v")
        self.assertEqual(self.calls(db), "1")

    def test_a_call_that_takes_too_long(self):
        db = self.called()
        entry = {"file": "0001_v.sql", "transaction": "no", "statement_timeout": "500ms"}
        run = self.run_plan(self.plan({"0001_v.sql": self.CALL}, db, migrations=[entry]))
        report = self.ends(run, 1, "failed")
        self.assertEqual(report["error"]["left"], "unknown", run)
        self.assertEqual(self.row(db, "0001_v")["attempting"], 0)

    def test_decides_that_it_is_done(self):
        db = self.called()
        plan = self.verified(db, "select count(*) > 0 from t where a = 2001", self.CALL,
                             transaction="no")
        self.in_flight(db, plan)
        self.assertEqual(self.lab.run("status", plan=plan).report["migrations"][0]["state"],
                         "unknown")
        run = self.applied(plan, "0001_v")
        self.assertEqual(self.calls(db), "1", run)

    def test_decides_that_it_is_not(self):
        db = self.called()
        plan = self.verified(db, "select count(*) > 1 from t where a = 2001", self.CALL,
                             transaction="no")
        self.in_flight(db, plan)
        run = self.applied(plan, "0001_v")
        self.assertEqual(self.calls(db), "2", run)

    def test_nobody_knows(self):
        db = self.called()
        plan = self.plan({"0001_v.sql": "select 1;\n" + self.CALL}, db,
                         migrations=[{"file": "0001_v.sql", "transaction": "no"}])
        self.in_flight(db, plan)
        run = self.run_plan(plan)
        report = self.ends(run, 6, "conflict")
        self.assertIn("postlude resolve 0001_v --retry", report["error"]["hint"], run)
        self.assertEqual(report["error"]["left"], "unknown", run)
        self.assertEqual(report["error"]["line"], 2, run)
        self.assertEqual(self.calls(db), "1", run)
        status = self.lab.run("status", plan=plan)
        self.assertEqual(status.report["migrations"][0]["state"], "unknown", status)
        self.ends(self.run_plan(plan), 6, "conflict")
        self.assertEqual(self.calls(db), "1")


class VerifyDirect(Direct, Verify):
    """The same without the pooler."""


if __name__ == "__main__":
    main()
