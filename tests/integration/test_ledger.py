"""The ledger's own functions and views, by hand on a real PostgreSQL."""

import json
import subprocess
import uuid

from case import LabCase, main, setUpModule  # noqa: F401
from lab import REPOSITORY

A, B, C = (str(uuid.UUID(int=number)) for number in (10, 11, 12))
LEASE = "interval '5 s'"
SHA = "sha256:0"


def text(value):
    """An SQL literal, or null."""
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


def row(run, plan="orders", **more):
    """A row of postlude.run as JSON."""
    columns = {"run_id": run, "plan": plan, "trigger": "codepipeline", "pipeline": "orders-prod",
               "started_at": "2031-03-14T09:26:53.120Z", **more}
    if "outcome" in more:
        columns["finished_at"] = "2031-03-14T09:26:54Z"
    return text(json.dumps(columns)) + "::jsonb"


def take(run, plan="orders"):
    """A call of take that gives "taken holder"."""
    return f"select taken, holder from postlude.take({row(run, plan)}, {LEASE})"


def claim(run, migration, before=None):
    return (f"select postlude.claim('orders', '{run}', {text(migration)}, {text(before)}, 'sql', "
            f"'{SHA}')")


def finish(run, migration, statements=3):
    return f"select postlude.finish('orders', '{run}', {text(migration)}, {statements})"


def fail(run, migration, message="no"):
    error = text(json.dumps({"message": message}))
    return (f"select postlude.fail('orders', '{run}', {text(migration)}, 'sql', '{SHA}', "
            f"{error}::jsonb)")


class Ledger(LabCase):
    """Each test has a database with an empty ledger."""

    def setUp(self):
        # A plan without migrations makes a ledger and nothing else.
        self.db = self.lab.database(owner="migrator")
        plan = self.lab.plan({"0.sql": "select 1;\n"}, self.db, plan="other")
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 0, "applied")
        self.lab.psql("delete from postlude.migration; delete from postlude.run; "
                      "delete from postlude.plan", self.db)

    def sql(self, query):
        return self.lab.psql(query, self.db)

    def refused(self, query, sqlstate):
        """Asserts that a query fails so."""
        said = self.lab.psql_error("\\set VERBOSITY verbose\n" + query, db=self.db)
        self.assertRegex(said, f"ERROR:  {sqlstate}:")

    def own(self, run=A):
        self.assertEqual(self.sql(take(run)), f"t|{run}")

    def apply(self, run, migration, before=None):
        self.sql(f"begin; {claim(run, migration, before)}; {finish(run, migration)}; commit")

    def state(self, migration):
        return self.sql(f"select state from postlude.migration where id = {text(migration)}")


class Take(Ledger):
    """Who owns a plan."""

    def test_a_free_plan(self):
        self.own()
        self.assertEqual(self.sql("select owner, owned_since is not null, touched_at is not null "
                                  "from postlude.plan"), f"{A}|t|t")
        self.assertEqual(self.sql("select run_id, outcome is null, finished_at is null "
                                  "from postlude.run"), f"{A}|t|t")

    def test_a_plan_given_back(self):
        self.own()
        self.sql(f"select postlude.end_run({row(A, outcome='applied')})")
        self.assertEqual(self.sql(take(B)), f"t|{B}")
        self.assertEqual(self.sql(f"select outcome from postlude.run where run_id = '{A}'"),
                         "applied")

    def test_held_by_a_live_run(self):
        self.own()
        self.assertEqual(self.sql(take(B)), f"f|{A}")
        self.assertEqual(self.sql("select run_id from postlude.run"), A)

    def test_the_same_run_again(self):
        self.own()
        self.own()
        self.assertEqual(self.sql("select count(*) from postlude.run"), "1")

    def test_another_plan_is_free(self):
        self.own()
        self.assertEqual(self.sql(take(B, "parcels")), f"t|{B}")

    def test_the_lease_has_lapsed(self):
        self.own()
        self.sql("update postlude.plan set touched_at = clock_timestamp() - interval '6 s'")
        self.assertEqual(self.sql(take(B)), f"t|{B}")
        self.assertEqual(self.sql("select run_id, outcome, finished_at is not null "
                                  "from postlude.run order by run_id"), f"{A}|lost|t\n{B}||f")

    def test_a_locked_row_is_not_waited_for(self):
        self.own()
        self.sql("update postlude.plan set touched_at = clock_timestamp() - interval '1 h'")
        with self.lab.session(self.db, f"begin; {claim(A, 'a')}; select pg_sleep(60);"):
            for run in (A, B):
                said = self.sql("set statement_timeout = '1s'; " + take(run))
                self.assertEqual(said, f"f|{A}")
        self.assertEqual(self.sql(take(B)), f"t|{B}")

    def test_two_at_once(self):
        processes = [subprocess.Popen(
            [*self.lab._psql_command()], text=True, stdin=subprocess.PIPE,  # pylint: disable=W0212
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
            env=self.lab._psql_environment(self.db, "lab", None))  # pylint: disable=W0212
            for _ in range(8)]
        runs = [str(uuid.uuid4()) for _ in processes]
        for process, run in zip(processes, runs):
            process.stdin.write(take(run) + ";\n")
            process.stdin.close()
        said = [process.stdout.read().strip() for process in processes]
        for process in processes:
            process.wait()
            process.stdout.close()
        takers = [run for run, line in zip(runs, said) if line == f"t|{run}"]
        self.assertEqual(len(takers), 1, said)
        self.assertEqual(self.sql("select owner from postlude.plan"), takers[0])
        self.assertEqual(self.sql("select run_id from postlude.run"), takers[0])


class Claim(Ledger):
    """One migration's transaction."""

    def test_claims_and_finishes(self):
        self.own()
        self.sql("update postlude.plan set touched_at = '2001-01-01'")
        self.apply(A, "a")
        self.assertEqual(self.sql("select state, kind, checksum, run_id, statements_done, "
                                  "applied_at is not null, duration_ms >= 0, error is null "
                                  "from postlude.migration"), f"applied|sql|{SHA}|{A}|3|t|t|t")
        self.assertEqual(self.sql("select touched_at > '2002-01-01' from postlude.plan"), "t")

    def test_not_the_owner(self):
        self.refused(claim(A, "a"), "PL001")
        self.own()
        self.refused(claim(B, "a"), "PL001")
        self.assertEqual(self.state("a"), "")

    def test_what_comes_before_must_be_in_place(self):
        self.own()
        self.refused(claim(A, "b", "a"), "PL002")
        self.sql(fail(A, "a"))
        self.refused(claim(A, "b", "a"), "PL002")
        self.sql("update postlude.migration set state = 'skipped'")
        self.apply(A, "b", "a")
        self.apply(A, "c", "b")
        self.assertEqual(self.state("c"), "applied")

    def test_applied_already(self):
        self.own()
        self.apply(A, "a")
        self.refused(claim(A, "a"), "23505")

    def test_a_failed_one_is_replaced(self):
        self.own()
        self.sql(fail(A, "a"))
        self.apply(A, "a")
        self.assertEqual(self.sql("select state, error is null from postlude.migration"),
                         "applied|t")

    def test_strings_must_be_read_as_we_read_them(self):
        self.own()
        self.refused("set standard_conforming_strings = off; " + claim(A, "a"), "PL004")

    def test_the_row_is_gone(self):
        self.own()
        self.refused(f"begin; {claim(A, 'a')}; delete from postlude.migration; {finish(A, 'a')}",
                     "PL003")
        self.refused(finish(A, "a"), "PL003")
        self.assertEqual(self.state("a"), "")

    def test_a_search_path_of_the_migration_changes_nothing(self):
        self.own()
        self.sql("create table public.migration (plan text); create table public.plan (owner uuid);"
                 "create function public.clock_timestamp() returns timestamptz language sql as "
                 "$$ select '1999-01-01'::timestamptz $$")
        self.sql(f"begin; set local search_path = public, pg_catalog; {claim(A, 'a')}; "
                 f"{finish(A, 'a')}; commit")
        self.assertEqual(self.sql("select applied_at > '2000-01-01' from postlude.migration"), "t")


class Fail(Ledger):
    """What a failure leaves."""

    def test_writes_a_row(self):
        self.own()
        self.sql(fail(A, "a", "it's \\ ünï"))
        self.assertEqual(self.sql("select state, run_id, error ->> 'message', applied_at is null "
                                  "from postlude.migration"), f"failed|{A}|it's \\ ünï|t")

    def test_writes_over_a_failed_one(self):
        self.own()
        self.sql(fail(A, "a", "one"))
        self.sql(fail(A, "a", "two"))
        self.assertEqual(self.sql("select error ->> 'message' from postlude.migration"), "two")

    def test_not_over_another_state(self):
        self.own()
        self.apply(A, "a")
        for state in ("applied", "skipped", "started"):
            self.sql(f"update postlude.migration set state = '{state}'; {fail(A, 'a')}")
            self.assertEqual(self.state("a"), state)

    def test_nothing_when_another_run_owns_the_plan(self):
        self.own()
        self.sql(fail(B, "a"))
        self.assertEqual(self.state("a"), "")


class End(Ledger):
    """How a run's row ends."""

    def test_updates_its_row_and_gives_back_the_plan(self):
        self.own()
        self.sql(f"select postlude.end_run({row(A, outcome='failed', report={'x': 1})})")
        self.assertEqual(self.sql("select outcome, report ->> 'x' from postlude.run"), "failed|1")
        self.assertEqual(self.sql("select owner is null from postlude.plan"), "t")

    def test_inserts_one_that_never_took_the_plan(self):
        self.own()
        self.sql(f"select postlude.end_run({row(B, outcome='busy')})")
        self.assertEqual(self.sql("select run_id, outcome from postlude.run order by run_id"),
                         f"{A}|\n{B}|busy")
        self.assertEqual(self.sql("select owner from postlude.plan"), A)

    def test_gives_back_only_its_own(self):
        self.own()
        self.sql(f"select postlude.end_run({row(A, 'parcels', outcome='failed')})")
        self.assertEqual(self.sql("select owner from postlude.plan"), A)

    def test_a_lost_run_that_lives_says_how_it_ended(self):
        self.own()
        self.sql("update postlude.plan set touched_at = '2001-01-01'")
        self.own(B)
        self.sql(f"select postlude.end_run({row(A, outcome='interrupted')})")
        self.assertEqual(self.sql("select run_id, outcome from postlude.run order by run_id"),
                         f"{A}|interrupted\n{B}|")
        self.assertEqual(self.sql("select owner from postlude.plan"), B)

    def test_unknown_columns_of_a_newer_postlude_are_left_out(self):
        self.sql(f"select postlude.end_run({row(C, outcome='nothing', shoe_size=43)})")
        self.assertEqual(self.sql("select outcome from postlude.run"), "nothing")


class Views(Ledger):
    """What others may read."""

    def test_a_reader_sees_the_views_and_nothing_else(self):
        self.own()
        self.apply(A, "a")
        self.sql("select postlude.end_run(" + row(
            A, outcome="failed",
            error={"migration": "b", "sqlstate": "42601", "message": "no", "line": 3}) + ")")
        self.sql("grant usage on schema postlude to outsider; "
                 "grant select on postlude.current, postlude.last_failure to outsider")
        said = self.lab.psql("select id, state, pipeline from postlude.current", self.db,
                             "outsider")
        self.assertEqual(said, "a|applied|orders-prod")
        said = self.lab.psql("select migration, sqlstate, message, line from postlude.last_failure",
                             self.db, "outsider")
        self.assertEqual(said, "b|42601|no|3")
        for table in ("plan", "run", "migration", "upgrade"):
            said = self.lab.psql_error(f"select * from postlude.{table}", db=self.db,
                                       user="outsider")
            self.assertIn("permission denied", said)
        said = self.lab.psql_error(take(B), db=self.db, user="outsider")
        self.assertIn("permission denied", said)

    def test_last_failure_is_the_last_that_ended_badly(self):
        for number, outcome in enumerate(("failed", "lost", "applied", "nothing")):
            self.sql("select postlude.end_run(" + row(
                str(uuid.uuid4()), outcome=outcome,
                started_at=f"2031-03-14T09:26:0{number}Z") + ")")
        self.sql(f"select postlude.end_run({row(A)})")
        self.assertEqual(self.sql("select outcome from postlude.last_failure"), "lost")


class Upgrade(LabCase):
    """A database whose ledger is of version 1."""

    FILES = {"0001_a.sql": "create table a (id int);\n", "0002_b.sql": "create table b (id int);\n"}

    def first_version(self, owner):
        """A database with a ledger as the first version made it, and 0001_a applied; its plan."""
        db = self.lab.database()
        with open(f"{REPOSITORY}/migrations/postlude/0001_ledger.sql", encoding="ascii") as stream:
            self.lab.psql(f"set role {owner};\n" + stream.read() +
                          "insert into postlude.upgrade values (1, default, '0.1.0');\n"
                          "insert into postlude.migration (plan, id, state, kind, run_id, "
                          f"applied_at) values ('orders', '0001_a', 'applied', 'sql', '{A}', now())",
                          db)
        return db, self.lab.plan(self.FILES, db)

    def versions(self, db):
        return self.lab.psql("select version from postlude.upgrade order by 1", db).split()

    def test_by_the_next_run_that_has_something_to_do(self):
        db, plan = self.first_version("orders_owner")
        nothing = self.lab.plan({"0001_a.sql": self.FILES["0001_a.sql"]}, db)
        self.ends(self.lab.run("run", plan=nothing, event=self.lab.event()), 0, "nothing")
        self.assertEqual(self.versions(db), ["1"])
        run = self.lab.run("status", plan=plan)
        self.assertEqual([row["state"] for row in run.report["migrations"]], ["applied", "pending"])
        self.applies(["0002_b"], plan=plan, event=self.lab.event())
        self.assertEqual(self.versions(db), ["1", "2", "3"])

    def test_by_a_login_that_may_not(self):
        db, plan = self.first_version("lab")
        self.lab.psql("grant usage on schema postlude to migrator; grant execute on all functions "
                      "in schema postlude to migrator; grant select, insert, update, delete on all "
                      "tables in schema postlude to migrator", db)
        run = self.lab.run("run", plan=plan, event=self.lab.event())
        error = self.ends(run, 4, "unreachable")["error"]
        self.assertIn("may not upgrade the ledger", error["message"])
        self.assertIn("owns schema postlude", error["hint"])
        self.assertEqual(self.versions(db), ["1"])


if __name__ == "__main__":
    main()
