"""Migrations, ids and logins that would lead a careless program astray."""

from case import LabCase, main, share_lab
from lab import Lab

MINE = "do $$begin raise exception 'mine' using errcode = '{}'; end$$;\n"
LINES = {
    "0001_text.sql": "create table lines (t text);\ninsert into lines values ('b\\ck');\n",
    "0002_large.sql": "insert into lines values ('" + "y" * 900000 + "');\n"
                      "insert into lines values ('" + "z" * 900000 + "');\n"
                      "insert into lines values ('c\\');\n",
    "0003_slow.sql": "select pg_sleep(0.05);\n",
}


def setUpModule():  # pylint: disable=invalid-name
    share_lab(Lab(pool_size=2))


class Hostile(LabCase):
    """Each through the pooler, whose two server connections the next test gets again."""

    def one(self, sql, code, outcome, files=None, owner="migrator", before=None, **changes):
        """Runs one migration on a fresh database: (database, report)."""
        db = self.lab.database(owner=owner)
        if before:
            self.lab.psql(before, db)
        plan = self.lab.plan(files or {"0001_x.sql": sql}, db, **{"run": {"retries": 0}, **changes})
        run = self.lab.run("run", plan=plan, event=self.lab.event())
        return db, self.ends(run, code, outcome)

    def fails(self, sql, message, line=None, **how):
        """The same of one that fails and leaves a failed row; returns the error."""
        db, report = self.one(sql, 1, "failed", **how)
        self.assertIn(message, report["error"]["message"])
        self.assertEqual(report["error"]["line"], line)
        self.assertEqual(report["error"]["migration"], "0001_x")
        self.assertEqual(self.states(db), {"0001_x": "failed"})
        self.assertEqual(self.tables(db), set())
        return report["error"]


class Statements(Hostile):
    """What a migration may do to us."""

    def test_other_roles(self):
        for sql in ("set local role outsider;", "do $$begin execute 'set role outsider'; end$$;"):
            self.fails(sql, "permission denied", 1)
        for sql in ("reset role;\ncreate table a ();",
                    "do $$begin execute 'set session authorization migrator'; end$$;",
                    "do $$begin execute 'set local role orders_owner'; end$$;\ncreate table a ();"):
            self.one(sql, 0, "applied", owner="orders_owner", database={"role": "orders_owner"},
                     before="grant all on schema public to public")

    def test_the_ledger_is_not_the_migration_s(self):
        for sql in ("drop schema postlude cascade;", "truncate postlude.migration;",
                    "delete from postlude.migration;", "drop function postlude.finish;",
                    "alter table postlude.migration rename to gone;"):
            error = self.fails("create table a ();\n" + sql, "at the end of the migration's")
            self.assertIn("leave it out", error["hint"])
        self.one("select * from postlude.plan for update;", 0, "applied")

    def test_our_own_codes_are_the_file_s_when_it_raises_them(self):
        for code in ("PL001", "PL002", "PL003", "PL004", "23505", "57P01", "08006", "57014"):
            error = self.fails("select 1;\n" + MINE.format(code), "mine", 2)
            self.assertEqual(error["sqlstate"], code)
        for code in ("40001", "40P01", "55P03"):
            _, report = self.one(MINE.format(code), 5, "busy")
            self.assertEqual((report["error"]["sqlstate"], report["error"]["line"]), (code, 1))

    def test_an_error_without_a_text(self):
        self.fails("do $$begin raise exception ''; end$$;", "(no message)", 1)

    def test_the_end(self):
        self.fails("create table p (id int primary key);\ncreate table c (id int references p "
                   "deferrable initially deferred);\ninsert into c values (1);", "violates foreign")
        self.one("create temp table t (id int primary key);\ncreate temp table u (id int "
                 "references t deferrable initially deferred) on commit delete rows;\n"
                 "insert into t values (1);\ninsert into u values (1);\n"
                 "declare c cursor with hold for select * from t;\n"
                 "declare d cursor for select * from t;\nfetch d;", 0, "applied")

    def test_comments_and_nothing(self):
        for sql in ("", "-- nothing\n/* here */", "create table a ();\n-- the end",
                    "create table a () -- the end", "\ufeffselect 1"):
            self.one(sql, 0, "applied")

    def test_places_behind_other_alphabets_and_megabytes(self):
        error = self.fails("select 'äöü€𝄞' as \"ñ\", 'ß' || nosuch;", "nosuch", 1)
        self.assertEqual(error["column"], 31)
        error = self.fails("select 'ü';\nselect 'ß' frm x y;", "syntax error", 2)
        self.assertEqual(error["column"], 16)
        error = self.fails("select '" + "x" * 2200000 + "';\nselect 'ü', nosuch;", "nosuch", 2)
        self.assertEqual(error["column"], 13)

    def test_the_line_of_copy_data_is_told(self):
        error = self.fails("create table a (id int, t text);\ncopy a from stdin;\n1\tö\nx\ty\n"
                           "\\.\n", "invalid input syntax", 2)
        self.assertIn("line 2, column id", error["detail"])

    def test_locks_of_the_session_are_gone(self):
        self.fails("select pg_advisory_lock(42);\nselect nosuch;", "nosuch", 2)
        self.one("select pg_advisory_lock(43);\ndo $$begin perform pg_advisory_lock(44); end$$;", 0,
                 "applied")
        self.one("do $$begin perform pg_advisory_lock(45); end$$;\n" + MINE.format("40001"), 5,
                 "busy")
        locks = "select count(*) from pg_locks where locktype = 'advisory'"
        self.assertEqual(self.lab.value(locks), "0")

    def test_a_session_that_ends_itself(self):
        for sql in ("select pg_terminate_backend(pg_backend_pid());",
                    "create table a ();\nselect pg_terminate_backend(pg_backend_pid());"):
            db, report = self.one(sql, 1, "failed")
            self.assertIn("third time", report["error"]["message"])
            self.assertEqual(report["error"]["migration"], "0001_x")
            self.assertEqual(report["pending"], ["0001_x"])
            self.assertEqual((self.states(db), self.tables(db)), ({}, set()))

    def test_names(self):
        names = ["o'brien", "back\\slash", "naïve—ünï", "a\\'; drop table x; --", "$$x$$", 'dq"x',
                 "%s%n", "x" * 200]
        migrations = [{"id": name, "file": "f.sql" if i == 0 else f"f{i}.sql"}
                      for i, name in enumerate(names)]
        files = {entry["file"]: f"create table t{i} ();\n" for i, entry in enumerate(migrations)}
        db, report = self.one("", 0, "applied", files=files, migrations=migrations)
        self.assertEqual([step["id"] for step in report["applied"]], names)
        self.assertEqual(set(self.states(db)), set(names))
        _, report = self.one("", 1, "failed", files={"o'br\\ü.sql": "select nosuch;"})
        self.assertEqual(report["error"]["file"], "o'br\\ü.sql")


class Logins(Hostile):
    """A login whose defaults are not ours."""

    def with_default(self, setting, code=0, outcome="applied", port=None):
        db = self.lab.database(owner="migrator")
        self.lab.psql(f"alter role migrator in database {db} set {setting}")
        run = self.lab.run("run", plan=self.lab.plan(LINES, db), event=self.lab.event(), port=port)
        report = self.ends(run, code, outcome)
        if code == 0:
            rows = self.lab.value("select string_agg(left(t, 5), ' ') from public.lines", db)
            self.assertEqual(rows, "b\\ck yyyyy zzzzz c\\", setting)
        return db, report

    def test_change_nothing(self):
        for setting in ("default_transaction_read_only = on",
                        "default_transaction_isolation = 'serializable'", "search_path = ''",
                        "statement_timeout = '40ms'", "lock_timeout = '1ms'",
                        "idle_in_transaction_session_timeout = '1ms'",
                        "client_min_messages = 'error'", "row_security = off",
                        "intervalstyle = 'sql_standard'", "bytea_output = 'escape'",
                        "plpgsql.variable_conflict = 'use_column'",
                        "plpgsql.extra_errors = 'all'", "client_encoding = 'LATIN1'",
                        "backslash_quote = off", "transform_null_equals = on"):
            with self.subTest(setting):
                self.with_default(setting)

    def test_tables_have_the_role_s_owner(self):
        db, _ = self.with_default("search_path = pg_catalog")
        self.assertEqual(self.lab.value("select relowner::regrole from pg_class "
                                        "where relname = 'lines'", db), "migrator")

    def test_times_are_told_in_one_way(self):
        for setting in ("datestyle = 'SQL, DMY'", "timezone = 'Asia/Kathmandu'"):
            db, _ = self.with_default(setting)
            run = self.lab.run("status", plan=self.lab.plan(LINES, db))
            for row in run.report["migrations"]:
                self.assertRegex(row["applied_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
                told = f"applied_at - '{row['applied_at']}' between '0' and '1 ms'"
                self.assertEqual(self.lab.value(f"select {told} from postlude.migration "
                                                f"where id = '{row['id']}'", db), "t")

    def test_old_strings_are_refused(self):
        for port in (self.lab.direct, self.lab.pooler):
            db, report = self.with_default("standard_conforming_strings = off", 2, "invalid", port)
            self.assertIn("standard_conforming_strings", report["error"]["message"])
            self.assertIn("ALTER ROLE", report["error"]["hint"])
            self.assertEqual((self.tables(db), self.lab.has_ledger(db)), (set(), False))


if __name__ == "__main__":
    main()
