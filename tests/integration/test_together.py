"""run.transaction: all - every pending migration in one transaction, or none of them."""

import signal

from case import LabCase, everywhere, main, setUpModule  # noqa: F401
from watch import Watch

ALL = {"transaction": "all"}
FILES = {"0001_one.sql": "create table one (xid bigint);\n",
         "0002_two.sql": "create table two (n int);\n",
         "0003_three.sql": "insert into two values (3);\n",
         "0004_four.sql": "insert into two values (4);\n",
         "0005_five.sql": "insert into two values (5);\n"}
IDS = [name[:-4] for name in FILES]


class Together(LabCase):
    """A fresh database each."""

    def start(self, db, files, *args, port=None, run=None, **changes):
        return Watch(self.lab, self.lab.start_run(
            "run", "--json", *args, event=self.lab.event(), port=port,
            plan=self.lab.plan(files, db, run={**ALL, **(run or {})}, **changes)))

    def run_plan(self, db, files, *args, **how):
        return self.start(db, files, *args, **how).finish()

    def transactions(self, db):
        """How many transactions wrote the ledger's rows."""
        return int(self.lab.value("select count(distinct xmin::text) from postlude.migration", db))

    def nothing_is_there(self, db, run, failed=None):
        self.assertEqual(run.report["applied"], [])
        self.assertEqual(self.tables(db) - {"taken"}, set())
        self.assertEqual(self.states(db), {failed: "failed"} if failed else {})

    def fails(self, files, failed, port=None, **how):
        """A run that ends failed at this one, and leaves nothing; its error."""
        db = self.lab.database()
        run = self.run_plan(db, files, port=port, **how)
        report = self.ends(run, 1, "failed")
        self.nothing_is_there(db, run, failed)
        self.assertEqual(report["pending"], [name[:-4] for name in files])
        error = report["error"]
        self.assertEqual((error["migration"], error["left"]), (failed, "all"), run)
        return error

    @everywhere
    def test_one_transaction(self, port):
        files = {name: f"{text}insert into one values (txid_current());\n"
                 for name, text in FILES.items()}
        db = self.lab.database()
        run = self.run_plan(db, files, port=port)
        self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in run.report["applied"]], IDS)
        self.assertEqual(self.transactions(db), 1)
        self.assertEqual(self.lab.value("select count(distinct xid), count(*) from one", db), "1|5")
        self.assertEqual(set(self.states(db).values()), {"applied"})
        more = {**files, "0006_six.sql": "insert into two values (6);\n"}
        self.ends(run := self.run_plan(db, more, port=port), 0, "applied")
        self.assertEqual([step["id"] for step in run.report["applied"]], ["0006_six"])
        self.assertEqual(self.transactions(db), 2)

    def test_to_in_the_middle(self):
        db = self.lab.database()
        self.ends(self.run_plan(db, FILES, "--to", IDS[2]), 0, "applied")
        self.assertEqual(list(self.states(db)), IDS[:3])
        self.ends(self.run_plan(db, FILES), 0, "applied")
        self.assertEqual(self.transactions(db), 2)

    @everywhere
    def test_an_error_in_the_third(self, port):
        for text, sqlstate in (("insert into two values (1/0);\n", "22012"),
                               ("select 'é';\nselec;\n", "42601"),
                               ("insert into two values (1), (nowhere);\n", "42703")):
            error = self.fails({**FILES, "0003_three.sql": text}, "0003_three", port)
            self.assertEqual((error["sqlstate"], error["file"]), (sqlstate, "0003_three.sql"))

    def test_a_verify_that_is_not_true(self):
        entries = [{"file": name, "verify": "select false"} if "three" in name else name
                   for name in FILES]
        self.fails(FILES, "0003_three", migrations=entries)

    def test_a_deferred_constraint_is_checked_at_the_end(self):
        files = {"0001_tables.sql":
                 "create table parent (a int primary key);\n"
                 "create table child (a int references parent deferrable initially deferred);\n",
                 "0002_child.sql": "insert into child values (1);\n",
                 "0003_parent.sql": "insert into parent values (1);\n"}
        db = self.lab.database()
        self.ends(self.run_plan(db, files), 0, "applied")
        self.assertEqual(self.transactions(db), 1)
        error = self.fails({**files, "0003_parent.sql": "insert into parent values (2);\n"},
                           "0003_parent")
        self.assertEqual(error["sqlstate"], "23503")

    def test_what_cannot_run_in_one_is_refused_before_anything_runs(self):
        refused = {
            "an index": {"0003_three.sql": "create index concurrently two_n on two (n);\n"},
            "no": [{"file": name, "transaction": "no"} if "three" in name else name
                   for name in FILES],
            "command": [*FILES, {"id": "seed", "command": ["true"]}],
            "modes": {"0003_three.sql": "begin isolation level serializable;\nselect 1;\ncommit;\n"},
        }
        for name, change in refused.items():
            with self.subTest(name):
                db = self.lab.database()
                before = self.lab.fingerprint(db)
                if isinstance(change, dict):
                    run = self.run_plan(db, {**FILES, **change})
                else:
                    run = self.run_plan(db, FILES, migrations=change)
                self.ends(run, 2, "invalid")
                self.assertIn("transaction", run.error["message"] + (run.error["hint"] or ""))
                self.assertEqual(self.lab.fingerprint(db), before)
        # Once it is applied nobody minds it.
        files = {**FILES, **refused["modes"]}
        db = self.lab.database()
        self.ends(self.run_plan(db, files, run={"transaction": "each"}), 0, "applied")
        self.ends(self.run_plan(db, {**files, "0006_six.sql": "select 1;\n"}), 0, "applied")

    def test_what_only_the_server_knows(self):
        enum = {"0001_type.sql": "create type mood as enum ('sad');\n",
                "0002_table.sql": "create table moods (m mood);\n"}
        db = self.lab.database()
        self.ends(self.run_plan(db, enum), 0, "applied")
        run = self.run_plan(db, {**enum, "0003_value.sql": "alter type mood add value 'ok';\n",
                                 "0004_use.sql": "insert into moods values ('ok');\n"})
        self.ends(run, 1, "failed")
        self.assertEqual(run.error["sqlstate"], "55P04")
        self.assertIn('"each"', run.error["hint"])
        self.assertEqual(self.lab.value("select count(*) from pg_enum", db), "1")
        self.assertEqual(run.report["pending"], ["0003_value", "0004_use"])

        error = self.fails({"0001_proc.sql": "create procedure p() language plpgsql as $$ begin "
                                             "commit; end $$;\n",
                            "0002_call.sql": "call p();\n"}, "0002_call")
        self.assertEqual(error["sqlstate"], "2D000")
        self.assertIn('"no"', error["hint"])

    @everywhere
    def test_a_lock_retries_all(self, port):
        db = self.lab.database()
        self.lab.psql("set role orders_owner; create table taken (n int)", db)
        files = {**FILES, "0004_four.sql": "insert into two values (4);\nlock table taken;\n"}
        with self.lab.session(db, "begin;\nlock table taken; select pg_sleep(60);"):
            run = self.run_plan(db, files, port=port, run={"lock_timeout": "100ms", "retries": 1})
            self.ends(run, 5, "busy")
            self.nothing_is_there(db, run)
            self.assertEqual(run.error["left"], "all")
            watch = self.start(db, files, port=port, run={"lock_timeout": "100ms"})
            watch.wait_for(lambda line: "tried again" in line["msg"])
        self.ends(run := watch.finish(), 0, "applied")
        self.assertEqual([step["id"] for step in run.report["applied"]], IDS)
        self.assertEqual(self.lab.value("select array_agg(n order by n) from two", db), "{3,4,5}")
        self.assertEqual(self.transactions(db), 1)

    @everywhere
    def test_three_megabytes(self, port):
        fill = "".join(f"insert into two values (-{n}); -- {'x' * 100}\n" for n in range(4000))
        files = {**FILES, **{f"0006_{n}.sql": fill for n in range(4)},
                 "0007_huge.sql": fill * 3, "0008_last.sql": "insert into two values (8);\n"}
        db = self.lab.database()
        run = self.run_plan(db, files, port=port)
        self.ends(run, 0, "applied")
        self.assertEqual(self.transactions(db), 1)
        self.assertEqual(self.lab.value("select count(*) from two", db), str(4 + 7 * 4000))
        error = self.fails({**files, "0008_last.sql": "select 1;\nselec 2;\n"}, "0008_last", port)
        self.assertEqual((error["sqlstate"], error["line"], error["column"]), ("42601", 2, 1))

    @everywhere
    def test_killed_or_stopped_or_cut_in_the_middle(self, port):
        files = {**FILES, "0004_four.sql": "insert into two values (4);\nselect pg_sleep(60);\n"}
        for number in (signal.SIGTERM, signal.SIGKILL, None):
            db = self.lab.database()
            watch = self.start(db, files, port=port)
            asleep = "wait_event = 'PgSleep' and datname = current_database()"
            self.lab.wait_for(db, f"select count(*) from pg_stat_activity where {asleep}", "1")
            if number:
                watch.process.send_signal(number)
            else:
                # Three lost connections are too many.
                for _ in range(3):
                    self.lab.wait_for(db, f"select count(*) from pg_stat_activity where {asleep}",
                                      "1")
                    self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                                  f"where {asleep}", db)
            if number == signal.SIGKILL:
                watch.process.wait()
            else:
                run = watch.finish()
                self.ends(run, *((7, "interrupted") if number else (1, "failed")))
                self.nothing_is_there(db, run)
            self.ends(run := self.run_plan(db, FILES, port=port), 0, "applied")
            self.assertEqual([step["id"] for step in run.report["applied"]], IDS)
            self.assertEqual(self.lab.value("select array_agg(n order by n) from two", db),
                             "{3,4,5}")


if __name__ == "__main__":
    main()
