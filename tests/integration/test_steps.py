"""Steps outside a transaction in the ledger: by hand, and as the ledger room writes and reads them."""

import json
import subprocess
import uuid

from ask import PROGRAM, ask, environment
from case import LabCase, main, setUpModule  # noqa: F401

A, B = (str(uuid.UUID(int=number)) for number in (10, 11))
APPLIED, STARTED, FAILED, SKIPPED = range(4)
SET_APPLIED, RETRY, SKIP, ACCEPT = range(4)
OVERTAKEN = "interrupted PL001: another run took the plan over"
COLUMNS = ("state, kind, statements_done, attempting, note, done_checksum, exit_status, "
           "error ->> 'message'")


class Steps(LabCase):
    """Each test has a database with an empty ledger, whose plan "orders" belongs to run A."""

    def setUp(self):
        self.db = self.lab.database(owner="migrator")
        plan = self.lab.plan({"0.sql": "select 1;\n"}, self.db, plan="other")
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 0, "applied")
        self.assertEqual(self.ask("take", A), f"1|{A}|")

    def sql(self, query):
        return self.lab.psql(query, self.db)

    def ask(self, *question, port=None):
        return ask(self.lab, self.db, *question, port=port or self.lab.pooler)

    def does(self, verb, *more, run=A, step="a", kind="alone", before=None):
        """A call of the ledger room about a step; says nothing when it worked."""
        return self.ask(verb, run, step, kind, before, *more)

    def row(self, step="a"):
        return self.sql(f"select {COLUMNS} from postlude.migration where plan = 'orders' and "
                        f"id = '{step}'")

    def lapse(self):
        """Run B takes the plan over, as if A had been silent for long."""
        self.sql("update postlude.plan set touched_at = touched_at - interval '1 h' "
                 "where plan = 'orders'")
        self.assertEqual(self.ask("take", B).split("|")[:2], ["1", B])


class Way(Steps):
    """A step from its beginning to its end."""

    def test_statement_by_statement(self):
        self.assertEqual(self.does("start"), "")
        self.assertEqual(self.row(), "started|alone|0|||||")
        self.assertEqual(self.does("attempt", 0, '["public.i"]'), "")
        self.assertEqual(self.row(), 'started|alone|0|0|["public.i"]|||')
        self.assertEqual(self.does("done", 1, "sha256:d"), "")
        self.assertEqual(self.row(), "started|alone|1|||sha256:d||")
        self.assertEqual(self.does("finish", None), "")
        self.assertEqual(self.row(), "applied|alone|1|||sha256:d||")
        self.assertEqual(self.sql("select applied_at >= started_at, duration_ms >= 0, run_id from "
                                  "postlude.migration where plan = 'orders'"), f"t|t|{A}")
        self.assertEqual(self.does("start"), "interrupted PL002: another run took the plan over")

    def test_a_command(self):
        self.does("start", kind="command")
        self.assertEqual(self.does("fail", 3, "clear", kind="command"), "")
        self.assertEqual(self.row(), "failed|command|0||||3|no")
        self.does("start", kind="command")
        self.assertEqual(self.row(), "started|command|0|||||")
        self.does("finish", 0, kind="command")
        self.assertEqual(self.row(), "applied|command|0||||0|")

    def test_a_command_for_each_run(self):
        self.does("start", kind="every")
        self.does("finish", 0, kind="every")
        self.assertEqual(self.does("start", kind="every"), "")
        self.assertEqual(self.row(), "started|every|0|||||")
        self.assertEqual(self.sql("select applied_at is null, duration_ms is null from "
                                  "postlude.migration where plan = 'orders'"), "t|t")
        self.does("finish", 0, kind="every")
        self.sql("update postlude.migration set state = 'skipped'")
        self.assertIn("PL002", self.does("start", kind="every"))

    def test_failing_clearly_and_not(self):
        self.does("start")
        self.does("attempt", 2, "[]")
        self.does("fail", None, None)
        self.assertEqual(self.row(), "started|alone|0|2|[]|||no")
        self.does("fail", None, "clear")
        self.assertEqual(self.row(), "failed|alone|0|||||no")
        self.assertIn("PL003", self.does("fail", None, "clear"))

    def test_another_run_goes_on(self):
        self.does("start")
        self.does("attempt", 0, None)
        self.does("done", 1, "sha256:d")
        self.does("attempt", 1, '["i"]')
        began = self.sql("select started_at from postlude.migration where id = 'a'")
        self.lapse()
        self.assertEqual(self.does("start", run=B), "")
        self.assertEqual(self.row(), 'started|alone|1|1|["i"]|sha256:d||')
        self.assertEqual(self.sql("select started_at, run_id from postlude.migration "
                                  "where id = 'a'"), f"{began}|{B}")

    def test_what_comes_before_must_be_in_place(self):
        self.does("start", step="a")
        self.assertIn("interrupted PL002", self.does("start", step="b", before="a"))
        self.assertEqual(self.row("b"), "")
        self.does("finish", None, step="a")
        self.assertEqual(self.does("start", step="b", before="a"), "")

    def test_strings_must_be_read_as_we_read_them(self):
        self.lab.psql(f"alter role migrator in database {self.db} "
                      "set standard_conforming_strings = off")
        self.assertIn("invalid PL004", ask(self.lab, self.db, "start", A, "a", "alone", None))


class Owner(Steps):
    """Only the owner's."""

    CALLS = (("start",), ("attempt", 0, None), ("done", 1, "d"), ("finish", None),
             ("fail", None, "clear"), ("fail", None, None))

    def test_nothing_of_another_run(self):
        for verb, *more in self.CALLS:
            self.assertEqual(self.does(verb, *more, run=B), OVERTAKEN)
        self.assertEqual(self.does("resolve", SKIP, run=B), OVERTAKEN)
        self.assertEqual(self.ask("touch", B), OVERTAKEN)
        self.assertEqual(self.ask("hold", B), OVERTAKEN)
        self.assertEqual(self.row(), "")

    def test_nothing_after_another_took_over(self):
        self.does("start")
        self.lapse()
        self.does("start", run=B)
        for verb, *more in self.CALLS:
            self.assertEqual(self.does(verb, *more), OVERTAKEN)
        self.assertEqual(self.row(), "started|alone|0|||||")

    def test_a_row_that_was_settled_meanwhile(self):
        self.does("start")
        for change in ("set state = 'applied'", f"set state = 'started', run_id = '{B}'"):
            self.sql(f"update postlude.migration {change} where id = 'a'")
            for verb, *more in self.CALLS[1:]:
                self.assertIn("interrupted PL003", self.does(verb, *more))

    def test_one_that_loses_the_plan_while_it_waits_writes_nothing(self):
        self.does("start")
        script = ("begin; select from postlude.migration where id = 'a' for update; "
                  "select pg_sleep(1); "
                  f"update postlude.plan set owner = '{B}' where plan = 'orders'; commit; "
                  "select pg_sleep(60);")
        with self.lab.session(self.db, script):
            self.assertEqual(self.does("start"), OVERTAKEN)
        self.assertEqual(self.row(), "started|alone|0|||||")


class Guard(Steps):
    """The owner row, held on another connection."""

    def holding(self, port):
        process = subprocess.Popen([PROGRAM, "hold", A], text=True, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE,
                                   env=environment(self.lab, self.db, port=port, name="guard"))
        self.assertEqual(process.stdout.readline(), "held\n")
        return process

    def test_holds_the_plan_and_lets_steps_pass(self):
        for port in (self.lab.direct, self.lab.pooler):
            guard = self.holding(port)
            self.sql("create table if not exists t (a int)")
            said = self.sql("select state, backend_xmin is null from pg_stat_activity "
                            "where application_name = 'guard' and state <> 'idle'")
            self.assertEqual(said, "idle in transaction|t")
            self.sql("create index concurrently on t (a)")
            self.does("start", kind="every")
            self.does("attempt", 0, None)
            # Nobody waits for it: another run is told who has the plan, and what it is at.
            self.assertEqual(self.ask("take", B), f"0|{A}|a")
            self.assertIn("busy 55P03", self.ask("hold", A))
            self.assertIn("busy 55P03", self.ask("touch", A))
            self.does("done", 1, "d")
            self.does("finish", 0)
            self.assertEqual(self.ask("take", B), f"0|{A}|")
            guard.stdin.close()
            self.assertEqual(guard.wait(timeout=10), 0)
            guard.stdout.close()

    def test_gives_back_with_a_sign_of_life(self):
        old = "update postlude.plan set touched_at = '2001-01-01' where plan = 'orders'"
        self.sql(old)
        guard = self.holding(self.lab.pooler)
        guard.communicate(timeout=10)
        self.assertEqual(self.ask("take", B), f"0|{A}|")
        self.sql(old)
        self.assertEqual(self.ask("touch", A), "")
        self.assertEqual(self.ask("take", B), f"0|{A}|")

    def test_outlasts_the_limits_of_the_login(self):
        self.lab.psql(f"alter role migrator in database {self.db} "
                      "set idle_in_transaction_session_timeout = '300ms'")
        guard = self.holding(self.lab.direct)
        self.sql("select pg_sleep(0.8)")
        self.assertEqual(self.ask("take", B), f"0|{A}|")
        guard.communicate(timeout=10)
        self.assertEqual(guard.returncode, 0)


class Resolve(Steps):
    """What a person settles."""

    def resolve(self, action, was):
        """Resolves, asserting the former state (None: no row)."""
        expected = f"none, not {FAILED}" if was is None else str(was)
        self.assertEqual(self.does("resolve", action), expected)

    def test_in_flight(self):
        self.does("start")
        self.does("attempt", 0, None)
        self.does("done", 1, "d")
        for action, state in ((SET_APPLIED, "applied"), (SKIP, "skipped"), (RETRY, "failed")):
            self.sql("update postlude.migration set state = 'started', attempting = 1, note = '[]',"
                     "error = '{}' where id = 'a'")
            self.resolve(action, STARTED)
            self.assertEqual(self.row().split("|")[:6], [state, "alone", "1", "", "", "d"])
        self.assertEqual(self.does("start"), "")

    def test_no_row(self):
        self.resolve(RETRY, None)
        self.resolve(ACCEPT, None)
        self.assertEqual(self.row(), "")
        self.resolve(SKIP, None)
        self.assertEqual(self.row(), "skipped|alone|0|||||")
        self.resolve(SET_APPLIED, SKIPPED)
        self.assertEqual(self.sql("select state, checksum, applied_at is not null, run_id from "
                                  "postlude.migration where id = 'a'"), f"applied|sha256:1|t|{A}")

    def test_an_applied_one(self):
        self.does("start")
        self.does("done", 2, "d")
        self.does("finish", None)
        self.sql("update postlude.migration set checksum = 'x', applied_at = '2001-01-01', "
                 f"run_id = '{B}' where id = 'a'")
        self.resolve(ACCEPT, APPLIED)
        seen = "select checksum, applied_at < '2002-01-01', run_id from postlude.migration " \
               "where id = 'a'"
        self.assertEqual(self.sql(seen), f"sha256:1|t|{B}")
        self.resolve(SET_APPLIED, APPLIED)
        self.assertEqual(self.sql(seen), f"sha256:1|t|{A}")
        self.resolve(RETRY, APPLIED)
        self.assertEqual(self.row(), "failed|alone|0|||||")
        self.sql("update postlude.migration set checksum = 'x'")
        self.resolve(ACCEPT, FAILED)
        self.assertEqual(self.sql("select checksum from postlude.migration where id = 'a'"), "x")

    def test_while_the_row_is_locked(self):
        with self.lab.session(self.db, "begin; select from postlude.plan for update; "
                                       "select pg_sleep(60);"):
            self.assertIn("busy 55P03", self.does("resolve", SKIP))
        self.assertEqual(self.row(), "")


class Read(Steps):
    """The ledger as it is read, of this version and the first one."""

    def test_all_columns(self):
        self.does("start", kind="command", step="c")
        self.does("finish", 7, kind="command", step="c")
        self.does("start", step="a")
        self.does("done", 2, "d")
        self.does("attempt", 2, '["i"]')
        expected = (f'3|2|a|0|0\na|{STARTED}|alone|2|2|["i"]|d|0|0\n'
                    f"c|{APPLIED}|command|0|-1|||1|7")
        for port in (self.lab.direct, self.lab.pooler):
            self.assertEqual(self.ask("read", port=port), expected)

    def downgrade(self):
        """The tables as version 1 has them."""
        self.sql("alter table postlude.migration drop attempting, drop note, drop done_checksum, "
                 "drop exit_status; alter table postlude.run drop report_after; "
                 "delete from postlude.upgrade where version > 1")

    def test_the_first_version(self):
        self.does("start")
        self.downgrade()
        self.assertEqual(self.ask("read"), f"1|1|a|0|0\na|{STARTED}|alone|0|-1|||0|0")

    def test_the_first_version_is_upgraded(self):
        self.downgrade()
        for function in self.sql(
                "select oid::regprocedure from pg_proc where pronamespace = 'postlude'::regnamespace"
                " and (proname like 'step%' or proname in ('begin', 'hold', 'touch', 'resolve'))"
        ).split("\n"):
            self.sql(f"drop function {function}")
        self.sql("delete from postlude.plan")
        plan = self.lab.plan({"0.sql": "select 1;\n", "1.sql": "select 2;\n"}, self.db,
                             plan="other")
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 0, "applied")
        self.assertEqual(self.sql("select max(version) from postlude.upgrade"), "3")

    def test_begins_with_a_sign(self):
        said = self.lab.psql_error(
            "\\set VERBOSITY verbose\nbegin; "
            f"select postlude.begin('orders', '{A}', 'a%', null, 'sql', 'x'); select 1/0;",
            db=self.db)
        self.assertRegex(said, "INFO:  PL000: postlude: a%\n")
        said = self.lab.psql_error(f"select postlude.begin('orders', '{B}', 'a', null, 'sql', 'x')",
                                   db=self.db)
        self.assertNotIn("INFO", said)

    def test_what_older_ones_write_still_works(self):
        row = json.dumps({"run_id": A, "plan": "orders", "trigger": "manual", "outcome": "failed",
                          "started_at": "2031-03-14T09:26:53Z"})
        self.sql(f"begin; select postlude.claim('orders', '{A}', 'x', null, 'sql', 's'); "
                 f"select postlude.finish('orders', '{A}', 'x', 1); commit; "
                 f"select postlude.fail('orders', '{A}', 'y', 'sql', 's', '{{}}'); "
                 f"select postlude.end_run('{row}')")
        self.assertEqual(self.row("x"), "applied|sql|1|||||")
        self.assertEqual(self.row("y"), "failed|sql|0|||||")


if __name__ == "__main__":
    main()
