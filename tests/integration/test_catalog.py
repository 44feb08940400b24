"""What the catalog room says of a real server, direct and behind the pooler."""

import contextlib
import json
import subprocess
import time

from ask import ask, environment
from case import LabCase, main, setUpModule  # noqa: F401

GONE = "table 1|exists 0|on_table 0|valid 0|built 0|-|0|"


class Catalog(LabCase):
    """Each test has a database that the login owns."""

    def setUp(self):
        self.db = self.lab.database(owner="migrator")

    def sql(self, query, user="migrator"):
        return self.lab.psql(query, self.db, user)

    def ask(self, *question, **where):
        """The answer, which is the same direct and behind the pooler."""
        said = ask(self.lab, self.db, *question, **where)
        self.assertEqual(ask(self.lab, self.db, *question, port=self.lab.pooler, **where), said)
        return said

    @contextlib.contextmanager
    def busy(self, sql, name="postlude/r/orders", user="migrator", wait="true", end=True):
        """A session of this name that runs sql beside the block; it is there when `wait` holds of
        it in pg_stat_activity."""
        env = {**environment(self.lab, self.db, user), "PGAPPNAME": name}
        commands = [word for part in sql.split("; ") for word in ("-c", part)]
        process = subprocess.Popen(["psql", "-XqAt", *commands], env=env, text=True, cwd="/",
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        mine = f"from pg_stat_activity where application_name = '{name}' and datname = '{self.db}'"
        try:
            self.lab.wait_for(self.db, f"select count(*) > 0 {mine} and state <> 'idle' "
                              f"and {wait}", "t")
            yield process
        finally:
            if end:
                self.lab.psql(f"select pg_terminate_backend(pid, 5000) {mine}", self.db)
            process.communicate(timeout=30)


class Indexes(Catalog):
    """Whether an index took effect."""

    def setUp(self):
        super().setUp()
        self.sql('create table t (a int, b text); create schema "Odd S"; '
                 'create table "Odd S"."T t" (a int)')

    def test_names_as_written(self):
        self.sql('create index t_a on t (a); create index "I i" on "Odd S"."T t" (a); '
                 'create index t_b on "Odd S"."T t" (a)')
        for table, index, name in (("t", "t_a", "public.t_a"), ("T", "T_A", "public.t_a"),
                                   ("public . t", '"t_a"', "public.t_a"),
                                   ('"Odd S"."T t"', '"I i"', '"Odd S"."I i"'),
                                   ('"Odd S"."T t"', "t_b", '"Odd S".t_b'),
                                   (None, "t_a", "public.t_a"), (None, "public.T_a", "public.t_a"),
                                   (None, '"Odd S"."I i"', '"Odd S"."I i"')):
            with self.subTest(table=table, index=index):
                self.assertEqual(self.ask("index", table, index),
                                 f"table {int(table is not None)}|exists 1|on_table 1|valid 1|"
                                 f"built 0|i|0|{name}")
        for table, index in (("t", "t_b"), ("t", '"T_A"'), ('"Odd S"."T t"', "t_a")):
            self.assertEqual(self.ask("index", table, index), GONE)
        self.assertEqual(self.ask("index", "nix", "t_a"), GONE.replace("table 1", "table 0"))
        self.assertEqual(self.ask("index", None, "nix"), GONE.replace("table 1", "table 0"))
        self.assertTrue(self.ask("index", "t", "a b").startswith("invalid 22023: "))
        self.assertEqual(self.ask("index", "no.such.thing.t", "a").split(":")[0],
                         "invalid 42601")

    def test_a_name_that_is_something_else(self):
        self.sql("create table u (a int); create index t_a on u (a); create view t_v as select 1")
        self.assertEqual(self.ask("index", "t", "t_a"), "table 1|exists 1|on_table 0|valid 1|"
                                                        "built 0|i|0|public.t_a")
        self.assertEqual(self.ask("index", "t", "t_v"), "table 1|exists 1|on_table 0|valid 0|"
                                                        "built 0|v|0|public.t_v")
        self.sql("create table p (a int) partition by range (a); create index p_a on only p (a);"
                 "create table p1 partition of p for values from (1) to (2);"
                 "create index p_b on only p (a)")
        self.assertEqual(self.ask("index", "p", "p_b"), "table 1|exists 1|on_table 1|valid 0|"
                                                        "built 0|I|0|public.p_b")

    def test_left_invalid(self):
        self.sql("insert into t values (1), (1)")
        self.lab.psql_error("create unique index concurrently t_u on t (a)", db=self.db,
                            user="migrator")
        self.assertEqual(self.ask("index", "t", "t_u"), "table 1|exists 1|on_table 1|valid 0|"
                                                        "built 0|i|0|public.t_u")

    def test_being_built(self):
        build = "create index concurrently t_a on t (a)"
        invalid = "table 1|exists 1|on_table 1|valid 0|built 1|i|1|public.t_a"
        # A transaction that has touched the table: the build waits for its end.
        with self.lab.session(self.db, "begin; insert into t values (1); select pg_sleep(60);"):
            with self.busy(build, wait="wait_event_type = 'Lock'"):
                self.assertEqual(self.ask("index", "t", "t_a"), invalid)
                self.assertEqual(self.ask("index", None, "t_a"), "table 0" + invalid[7:])
                self.assertEqual(self.ask("new", "t", "[]"), "1|" + invalid)
                # Not ours to see, which is not the same as gone.
                self.lab.role(f"other_{self.db}", "secret")
                self.sql(f"grant connect on database {self.db} to other_{self.db}")
                self.assertEqual(ask(self.lab, self.db, "index", "t", "t_a",
                                     user=f"other_{self.db}"), invalid)
            self.assertEqual(self.ask("index", "t", "t_a"),
                             invalid.replace("built 1|i|1", "built 0|i|0"))

    def test_another_s_lock_is_no_build(self):
        self.sql("create index t_a on t (a); insert into t select generate_series(1, 20000)")
        slowly = "set vacuum_cost_delay = 100; set vacuum_cost_limit = 1; "
        for harmless, wait, user in (
                ("begin; alter table t set (fillfactor = 90); select pg_sleep(60)", "PgSleep",
                 "migrator"),
                (slowly + "vacuum (index_cleanup off) t", "VacuumDelay", "lab"),
                (slowly + "analyze t", "VacuumDelay", "lab")):
            with self.subTest(harmless), \
                    self.busy(harmless, user=user,
                              wait=f"wait_event = '{wait}'"):
                self.assertIn("built 0", self.ask("index", "t", "t_a"))
        # Whoever cannot be seen through may be at it.
        with self.lab.session(self.db, "begin; alter table t set (fillfactor = 90); "
                                       "select pg_sleep(60);"):
            self.assertIn("built 1", self.ask("index", "t", "t_a"))

    def test_new_ones(self):
        self.sql("create index t_a on t (a)")
        note = self.ask("names", "t", None)
        toast = self.sql("select reltoastrelid::regclass || '_index' from pg_class "
                         "where oid = 't'::regclass")
        self.assertEqual(json.loads(note), sorted([toast, "public.t_a"]))
        nothing = "0|" + GONE.replace("table 1", "table 0")
        self.assertEqual(self.ask("new", "t", note), nothing)
        self.sql("create index on t (a)")
        self.assertEqual(self.ask("new", "t", note),
                         "1|table 1|exists 1|on_table 1|valid 1|built 0|i|0|public.t_a_idx")
        self.sql("create index on t (b)")
        self.assertEqual(self.ask("new", "t", note), nothing.replace("0|", "2|", 1))
        self.assertEqual(self.ask("names", "nix", None), "[]")
        self.assertEqual(self.ask("new", "nix", None), nothing)

    def test_what_reindex_leaves(self):
        self.sql("create table p (a int) partition by range (a); create index p_a on p (a);"
                 "create table p1 partition of p for values from (1) to (2);"
                 "insert into p values (1)")
        note = self.ask("names", "p", None)
        self.assertEqual(json.loads(note), ["public.p1_a_idx", "public.p_a"])
        with self.lab.session(self.db, "begin; insert into p1 values (1); select pg_sleep(60);"):
            with self.busy("reindex index concurrently p1_a_idx",
                           wait="wait_event_type = 'Lock'") as process:
                self.lab.wait_for(self.db, "select count(*) from pg_class where relname like "
                                           "'%ccnew'", "1")
                self.assertEqual(self.ask("leftovers", "p", None, note), "")
            self.assertTrue(process.returncode)
        left = "public.p1_a_idx_ccnew"
        self.assertEqual(self.ask("leftovers", "p", None, note), left)
        self.assertEqual(self.ask("leftovers", "p_a", "index", note), left)
        self.assertEqual(self.ask("leftovers", "p1", None, json.dumps([left])), "")
        self.assertEqual(self.ask("leftovers", "t", None, note), "")


class Partitions(Catalog):
    """DETACH PARTITION CONCURRENTLY."""

    def test_each_state(self):
        self.sql("create table p (a int) partition by range (a);"
                 "create table p1 partition of p for values from (1) to (2);"
                 "create table p2 (a int)")
        self.assertEqual(self.ask("partition", "p", "P1"), "attached")
        self.assertEqual(self.ask("partition", "p", "p2"), "none")
        self.assertEqual(self.ask("partition", "p", "p3"), "missing")
        self.assertEqual(self.ask("partition", "q", "p1"), "missing")
        with self.lab.session(self.db, "begin; select * from p; select pg_sleep(60);"):
            with self.busy("alter table p detach partition p1 concurrently",
                           wait="wait_event_type = 'Lock'"):
                self.assertEqual(self.ask("partition", "public.p", '"p1"'), "pending")
        self.sql("alter table p detach partition p1 finalize")
        self.assertEqual(self.ask("partition", "p", "p1"), "none")


class Objects(Catalog):
    """Databases and the like."""

    def test_each_kind(self):
        self.assertEqual(self.ask("object", "database", self.db.upper()), "1|1")
        self.assertEqual(self.ask("object", "database", f'"{self.db.upper()}"'), "0|0")
        self.assertEqual(self.ask("object", "tablespace", "pg_default"), "1|1")
        self.assertEqual(self.ask("object", "tablespace", "nix"), "0|0")
        self.assertEqual(self.ask("object", "subscription", "sub"), "0|0")
        self.lab.psql("create subscription sub connection 'dbname=nix' publication p "
                      "with (connect = false, slot_name = none)", self.db)
        try:
            self.assertEqual(self.ask("object", "subscription", "SUB"), "1|1")
        finally:
            self.lab.psql("drop subscription sub", self.db)
        other = self.lab.database()
        self.lab.psql(f"update pg_database set datconnlimit = -2 where datname = '{other}'")
        try:
            self.assertEqual(self.ask("object", "database", other), "1|0")
        finally:
            self.lab.psql(f"update pg_database set datconnlimit = -1 where datname = '{other}'")


class Sessions(Catalog):
    """Who else is at work."""

    NAME = "postlude/r/orders"

    def test_none(self):
        self.assertEqual(self.ask("sessions", "postlude/r/", "select 1", name=self.NAME), "0|0|0|")
        self.assertEqual(self.ask("cancel", "postlude/r/", name=self.NAME), "0")

    def test_at_work(self):
        with self.busy("select pg_sleep(60)", wait="wait_event = 'PgSleep'"):
            self.assertEqual(self.ask("sessions", "postlude/r/", None, name=self.NAME),
                             "1|0|1|active")
            self.assertEqual(self.ask("sessions", "postlude/s/", None), "0|0|0|")
            self.assertEqual(self.ask("sessions", "postlude/s/", "select pg_sleep(60)"),
                             "1|0|1|active")
            self.assertEqual(self.ask("sessions", "postlude/s/", "select pg_sleep(6)"), "0|0|0|")
            self.assertEqual(self.ask("sessions", "postlude/s/", "select pg_sleep(60);"),
                             "0|0|0|")

    def test_a_text_longer_than_the_server_shows(self):
        text = "select pg_sleep(60) -- " + "ä€" * 3000
        with self.busy(text, wait="wait_event = 'PgSleep'"):
            self.assertEqual(self.ask("sessions", "x", text), "1|0|1|active")
            self.assertEqual(self.ask("sessions", "x", text.replace("60", "61")), "0|0|0|")

    def test_idle_ones_of_the_pooler_do_not_count(self):
        self.lab.psql("select 1", self.db, "migrator", self.lab.pooler)
        ask(self.lab, self.db, "sessions", "x", None, port=self.lab.pooler, name=self.NAME)
        self.lab.wait_for(self.db, "select count(*) > 0 from pg_stat_activity where state = 'idle' "
                          f"and application_name = '{self.NAME}' and datname = '{self.db}'", "t")
        self.assertEqual(ask(self.lab, self.db, "sessions", "postlude/r/", None), "0|0|0|")

    def test_not_ours_to_see(self):
        self.lab.role(f"other_{self.db}", "secret")
        with self.busy("select pg_sleep(60)", user=f"other_{self.db}",
                       wait="wait_event = 'PgSleep'"):
            self.assertEqual(self.ask("sessions", "postlude/r/", "select pg_sleep(60)"), "0|1|1|")
            self.assertEqual(self.ask("cancel", "postlude/r/"), "0")

    def test_cancels(self):
        for port in (self.lab.direct, self.lab.pooler):
            with self.busy("select pg_sleep(60)", wait="wait_event = 'PgSleep'",
                           end=False) as process:
                began = time.monotonic()
                self.assertEqual(ask(self.lab, self.db, "cancel", "postlude/r/", name=self.NAME,
                                     port=port), "1")
                process.wait(timeout=10)
                self.assertLess(time.monotonic() - began, 10)
                self.assertEqual(process.returncode, 1)


class Blockers(Catalog):
    """Who is in the way, and how far a build is."""

    def test_a_lock(self):
        self.sql("create table t (a int)")
        self.assertEqual(self.ask("blockers", "postlude/r/"), "")
        with self.busy("begin; insert into t values (1); select 'old', pg_sleep(60)", name="old",
                       wait="wait_event = 'PgSleep'"), \
                self.busy("begin; lock t in row share mode; select 'new', pg_sleep(60)", name="new",
                          wait="wait_event = 'PgSleep'"), \
                self.busy("alter table t add b int", wait="wait_event_type = 'Lock'"):
            said = [line.split("|") for line in self.ask_ages("blockers", "postlude/r/")]
            self.assertEqual([line[1:3] + line[5:] for line in said],
                             [["migrator", "old", "active"], ["migrator", "new", "active"]])
            self.assertGreater(int(said[0][3]), int(said[1][3]))
            self.assertIn("pg_sleep(60)", said[0][4])
            self.assertEqual(self.ask("blockers", "postlude/s/"), "")

    def ask_ages(self, *question):
        """Lines of an answer that is another one each time."""
        said = ask(self.lab, self.db, *question, port=self.lab.pooler).split("\n")
        self.assertEqual(len(ask(self.lab, self.db, *question).split("\n")), len(said))
        return said

    def test_a_concurrent_build(self):
        self.sql("create table t (a int)")
        self.assertEqual(self.ask("progress", "postlude/r/"), "")
        with self.lab.session(self.db, "begin; insert into t values (1); select pg_sleep(60);"), \
                self.busy("create index concurrently t_a on t (a)",
                          wait="wait_event_type = 'Lock'"):
            self.assertEqual(self.ask("progress", "postlude/r/"),
                             "waiting for writers before build, 0 of 1 waited for")
            self.assertEqual(self.ask("progress", "postlude/s/"), "")
            said, = self.ask_ages("blockers", "postlude/r/")
            # Another role's: who it is can be seen, and no more.
            self.assertRegex(said, r"^\d+\|lab\|session\d+\|-1\|\|$")


class Login(Catalog):
    """What only the login's own settings decide."""

    def test_as_it_is(self):
        self.assertEqual(self.ask("login", "public", None), "1|1|1|1|public|migrator|0|0|0")
        self.assertEqual(self.ask("login", "nix", "nix"), "0|0|0|0|public|migrator|0|0|0")
        self.assertEqual(self.ask("login", "public", "migrator"), "1|1|1|1|public|migrator|0|0|0")
        self.lab.psql(f"create role a_{self.db}; create role b_{self.db}; "
                      f"grant a_{self.db} to migrator", self.db)
        self.assertEqual(self.ask("login", "public", f"a_{self.db}")[:7], "1|1|1|1")
        self.assertEqual(self.ask("login", "public", f"b_{self.db}")[:7], "1|1|1|0")
        # One that could SET ROLE only, which a statement outside a transaction cannot have.
        self.lab.role(f"n_{self.db}", "secret", "noinherit")
        self.lab.psql(f"grant a_{self.db} to n_{self.db}", self.db)
        self.assertEqual(self.ask("login", "public", f"a_{self.db}", user=f"n_{self.db}")[:7],
                         "1|1|1|0")

    def test_settings(self):
        set_it = f"alter role migrator in database {self.db} set "
        self.lab.psql(f"create schema app; {set_it} search_path = 'App', app; "
                      f"{set_it} lock_timeout = '1500ms'; {set_it} statement_timeout = '15min';"
                      f"{set_it} synchronous_commit = off; "
                      "grant usage on schema app to migrator", self.db)
        self.assertEqual(self.ask("login", "app", None), "1|1|1|1|app|migrator|1500|900000|0")
        self.assertEqual(self.ask("login", "public", None), "1|0|1|1|app|migrator|1500|900000|0")
        self.assertEqual(self.ask("read").split("|")[-2:], ["900000", "1"])
        self.lab.psql(f"{set_it} search_path = nix")
        self.assertEqual(ask(self.lab, self.db, "login", "public", None),
                         "1|0|1|1||migrator|1500|900000|0")


if __name__ == "__main__":
    main()
