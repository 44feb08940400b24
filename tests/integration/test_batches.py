"""Many migrations in a message: how few there are, where an error stops them, what is on disk."""

import signal
import time

from case import Lab, LabCase, everywhere, main, share_lab
from watch import Watch


def setUpModule():  # pylint: disable=invalid-name
    # The flushes are counted, so they happen, and by nobody but the sessions themselves.
    share_lab(Lab(settings=("fsync = on", "wal_writer_delay = '10s'",
                            "wal_writer_flush_after = '1GB'")))


def identity(number):
    return f"{number:04}_step"


def numbered(count, **instead):
    """Files 0001 to count, each of which adds its number to `effects`; n7="..." is the 7th's."""
    files = {f"{identity(n)}.sql": f"insert into effects values ({n});\n"
             for n in range(1, count + 1)}
    files[f"{identity(1)}.sql"] = "create table effects (n int);\ninsert into effects values (1);\n"
    for key, text in instead.items():
        files[f"{identity(int(key[1:]))}.sql"] = text
    return files


class Base(LabCase):
    """Plans of many small files, and what became of them."""

    def run_plan(self, db, files, *args, port=None, **changes):
        return self.lab.run("run", *args, plan=self.lab.plan(files, db, **changes),
                            event=self.lab.event(), port=port)

    def effects(self, db):
        """The numbers in the table, in order."""
        return [int(n) for n in self.lab.value("select n from effects order by n", db).split()]

    def stands_at(self, db, run, count, failed=True):
        """Table, ledger and report say that the first count are applied, and the next failed."""
        ids = [identity(n) for n in range(1, count + 1)]
        report = run.report
        self.assertEqual([step["id"] for step in report["applied"]], ids, run)
        self.assertEqual(report["pending"][0], identity(count + 1))
        states = {one: "applied" for one in ids}
        if failed:
            states[identity(count + 1)] = "failed"
            self.assertEqual(report["error"]["migration"], identity(count + 1))
        self.assertEqual(self.states(db), states)
        if count:
            self.assertEqual(self.effects(db), list(range(1, count + 1)))
        self.assertIn(run.report["run_id"], {row["run_id"] for row in self.lab.runs(db)})

    def fails_at(self, number, text, count=20, port=None, code=1, **changes):
        """A plan whose number-th file is this text; the error of the report."""
        db = self.lab.database()
        run = self.run_plan(db, numbered(count, **{f"n{number}": text}), port=port, **changes)
        self.ends(run, code, {1: "failed", 5: "busy"}[code])
        self.stands_at(db, run, number - 1)
        return run.error

    def place(self, error):
        return error["file"], error["line"], error["column"]

    def asleep(self, db):
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep'", "1")


class Batches(Base):
    """Errors, and what goes together."""

    def observe(self, db, files, outcome="applied"):
        """The messages and the number of flushes of one direct run."""
        self.lab.psql(f"alter database {db} set log_statement = 'all'")
        before, said = self.flushes(), len(self.statements(db))
        run = self.run_plan(db, files, port=self.lab.direct)
        self.ends(run, 0, outcome)
        # A session that ends reports what it flushed.
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where usename = 'migrator' "
                              "and datname = current_database()", "0")
        return self.statements(db)[said:], self.flushes() - before

    def statements(self, db):
        """What the migrator sent to this database, as the server's log has it."""
        with open(self.lab.server.log, encoding="utf-8") as stream:
            parts = stream.read().split(f" migrator@{db} ")[1:]
        return [part for part in parts if "statement: " in part]

    def measure(self, files):
        """Messages with a migration in them, and flushes, of one direct run."""
        sent, flushes = self.observe(self.lab.database(), files)
        return len([part for part in sent if "insert into effects" in part]), flushes

    def flushes(self):
        """WAL flushes so far; PostgreSQL 18 counts them elsewhere."""
        new = int(self.lab.value("show server_version_num")) >= 180000
        return int(self.lab.value("select sum(fsyncs) from pg_stat_io where object = 'wal'" if new
                                  else "select wal_sync from pg_stat_wal"))

    def test_three_hundred_go_in_one_message_and_few_flushes(self):
        # The run's own beginning and end, the ledger's creation and the first login flush, too.
        _, alone = self.measure(numbered(1))
        messages, flushes = self.measure(numbered(300))
        self.assertEqual(messages, 1)
        self.assertLessEqual(flushes, alone + 8)

    def test_nothing_to_do_is_one_question_and_a_row_that_waits_for_no_flush(self):
        db = self.lab.database()
        self.observe(db, numbered(20))
        runs = [self.observe(db, numbered(20), "nothing") for _ in range(3)]
        for sent, _ in runs:
            self.assertEqual(len(sent), 2, sent)
            self.assertIn("postlude.migration", sent[0])
            self.assertIn("postlude.end_run", sent[1])
        # The server itself may flush now and then.
        self.assertEqual(min(flushes for _, flushes in runs), 0)
        self.assertEqual([row["outcome"] for row in self.lab.runs(db)],
                         ["applied"] + ["nothing"] * 3)

    @everywhere
    def test_a_large_file_between_small_ones(self, port):
        large = "".join(f"insert into effects values (5), (-{n}); -- {'é' * 400}\n"
                        for n in range(2500))
        large += "delete from effects where n <= 0 or n = 5;\ninsert into effects values (5);\n"
        db = self.lab.database()
        run = self.run_plan(db, numbered(9, n5=large), port=port)
        self.ends(run, 0, "applied")
        self.assertEqual(self.effects(db), list(range(1, 10)))
        error = self.fails_at(5, large + "select 'é', nowhere;\n", count=9)
        self.assertEqual(self.place(error), ("0005_step.sql", 2503, 13))

    @everywhere
    def test_error_at_number_150_of_300(self, port):
        files = numbered(300, n150="insert into effects values (150);\n\n  select 'é', nosuch(1);\n",
                         n120="insert into effects values (120);\nselect pg_sleep(0.5);\n")
        db = self.lab.database()
        run = self.run_plan(db, files, port=port)
        self.ends(run, 1, "failed")
        self.stands_at(db, run, 149)
        self.assertEqual(self.place(run.error), ("0150_step.sql", 3, 15), run)
        took = {step["id"]: step["duration_ms"] for step in run.report["applied"]}
        slow = took.pop("0120_step")
        self.assertGreaterEqual(slow, 490)
        self.assertLess(slow, 5000)
        self.assertLess(sorted(took.values())[100], 100)
        self.assertLessEqual(sum(took.values()) + slow, run.report["duration_ms"])
        said = [line for line in run.log if line.get("migration") == "0120_step"]
        self.assertEqual(said[0]["duration_ms"], slow, said)
        self.assertGreaterEqual(self.lab.migrations(db)["0120_step"]["duration_ms"], 490)

    @everywhere
    def test_syntax_error_at_number_150_of_300(self, port):
        error = self.fails_at(150, "select 'é';\n  selec 2;\n", count=300, port=port)
        self.assertEqual((error["sqlstate"], *self.place(error)),
                         ("42601", "0150_step.sql", 2, 3))

    def test_syntax_error_in_the_first(self):
        db = self.lab.database()
        run = self.run_plan(db, numbered(9, n1="selec 1;\n"))
        self.ends(run, 1, "failed")
        self.stands_at(db, run, 0)
        self.assertEqual(self.place(run.error), ("0001_step.sql", 1, 1))

    def test_of_two_syntax_errors_the_first(self):
        db = self.lab.database()
        run = self.run_plan(db, numbered(20, n8="select 1;\nselec 1;\n", n14="selec 2;\n"))
        self.ends(run, 1, "failed")
        self.stands_at(db, run, 7)
        self.assertEqual(self.place(run.error), ("0008_step.sql", 2, 1))

    def test_an_error_before_a_syntax_error(self):
        db = self.lab.database()
        run = self.run_plan(db, numbered(20, n5="select nowhere;\n", n14="selec 2;\n"))
        self.ends(run, 1, "failed")
        self.stands_at(db, run, 4)
        self.assertEqual(self.place(run.error), ("0005_step.sql", 1, 8))

    def test_a_deferred_constraint(self):
        text = ("create table parent (a int primary key);\n"
                "create table child (a int references parent deferrable initially deferred);\n"
                "insert into child values (1);\n")
        error = self.fails_at(11, text)
        self.assertEqual((error["sqlstate"], error["file"]), ("23503", "0011_step.sql"))

    def test_errors_without_a_position(self):
        error = self.fails_at(11, "select 1;\n;;\nselect 1/0 from effects;\n")
        self.assertEqual((error["sqlstate"], *self.place(error)), ("22012", "0011_step.sql", 3, 1))
        error = self.fails_at(11, "create unique index on effects (n);\n-- é\n"
                                  "insert into effects values (1);\n")
        self.assertEqual((error["sqlstate"], *self.place(error)), ("23505", "0011_step.sql", 3, 1))

    def test_copy_inside_a_batch(self):
        copy = "copy effects from stdin;\n{0}\n\\.\n"
        db = self.lab.database()
        files = numbered(9, n3=copy.format(3), n4="copy effects from stdin;\n\\.\n"
                         "insert into effects values (4);\n", n7=copy.format(7))
        self.ends(self.run_plan(db, files), 0, "applied")
        self.assertEqual(self.effects(db), list(range(1, 10)))
        error = self.fails_at(6, "select 1;\n" + copy.format("x"))
        self.assertEqual((error["sqlstate"], error["file"], error["line"]),
                         ("22P02", "0006_step.sql", 2))

    def test_a_notice_is_logged_under_its_own_migration(self):
        files = numbered(9, **{f"n{n}": f"insert into effects values ({n});\ndo $$ begin raise "
                                        f"notice 'said by %', {n}; end $$;\n" for n in (3, 4, 8)})
        run = self.run_plan(self.lab.database(), files)
        self.ends(run, 0, "applied")
        said = [(line["msg"], line["migration"]) for line in run.log if "said by" in line["msg"]]
        self.assertEqual(said, [(f"said by {n}", identity(n)) for n in (3, 4, 8)])

    def test_verify_inside_a_batch(self):
        files = numbered(9)
        for wanted, code in (("select count(*) = 5 from effects", 0),
                             ("select count(*) = 6 from effects", 1)):
            db = self.lab.database()
            run = self.run_plan(db, files, migrations=[
                {"file": name, "verify": wanted} if name == "0005_step.sql" else name
                for name in files])
            self.assertEqual(run.code, code, run)
            if code:
                self.stands_at(db, run, 4)
            else:
                self.assertEqual(self.effects(db), list(range(1, 10)))

    @everywhere
    def test_its_own_begin_inside_a_batch(self, port):
        level = ("insert into effects values ({0});\ncreate table level{0} as "
                 "select current_setting('transaction_isolation') as level;\n")
        files = numbered(9, n4="begin isolation level serializable;\n" + level.format(4) +
                         "commit;\n", n5=level.format(5))
        db = self.lab.database()
        self.ends(self.run_plan(db, files, port=port), 0, "applied")
        self.assertEqual(self.effects(db), list(range(1, 10)))
        self.assertEqual(self.lab.value("select l4.level, l5.level from level4 l4, level5 l5",
                                        db), "serializable|read committed")

    def test_to_in_the_middle(self):
        db = self.lab.database()
        run = self.run_plan(db, numbered(20), "--to", identity(7))
        self.ends(run, 0, "applied")
        self.stands_at(db, run, 7, failed=False)


class Logins(Base):
    """What the login's own settings would do to a batch."""

    def test_what_a_login_may_have_set(self):
        settings = ("statement_timeout = '50ms'", "default_transaction_read_only = on",
                    "default_transaction_isolation = serializable", "lock_timeout = '1ms'",
                    "idle_in_transaction_session_timeout = '1ms'", "synchronous_commit = off")
        for number, setting in enumerate(settings):
            with self.subTest(setting):
                user = f"set{number}"
                self.lab.role(user, f"word-{number}", "in role orders_owner")
                self.lab.psql(f"alter role {user} set {setting}")
                db = self.lab.database()
                files = numbered(30, n20="insert into effects values (20);\nselect pg_sleep(0.1);\n")
                plan = self.lab.plan(files, db, database={"user": user, "role": "orders_owner"})
                run = self.lab.run("run", plan=plan, event=self.lab.event(),
                                   port=self.lab.direct, env={"DB_PASSWORD": f"word-{number}"})
                self.ends(run, 0, "applied")
                self.assertEqual(self.effects(db), list(range(1, 31)))

    def crash(self):
        """The server ends at once, as in a power cut, and starts again."""
        self.lab.server.child.signal(signal.SIGQUIT)
        self.lab.server.child.process.wait(20)
        self.lab.server.start()

    def test_what_is_said_to_be_applied_survives_a_crash(self):
        # A login whose commits wait for no flush, a failure, and a message that ends early.
        self.lab.role("hasty", "hasty-word", "in role orders_owner")
        self.lab.psql("alter role hasty set synchronous_commit = off")
        for user, word in (("migrator", None), ("hasty", "hasty-word")):
            for last in ("select nowhere;\n", "insert into effects values (9);\n"):
                with self.subTest(user=user, last=last):
                    db = self.lab.database()
                    plan = self.lab.plan(numbered(9, n9=last), db, database={"user": user})
                    run = self.lab.run("run", plan=plan, event=self.lab.event(),
                                       port=self.lab.direct,
                                       env={"DB_PASSWORD": word} if word else None)
                    self.crash()
                    count = len(run.report["applied"])
                    self.assertEqual(count, 8 if "nowhere" in last else 9, run)
                    self.assertEqual(self.effects(db), list(range(1, count + 1)))
                    self.assertEqual(list(self.states(db).values()).count("applied"), count)
                    self.assertEqual(self.lab.runs(db)[0]["outcome"], run.report["outcome"])

    def test_a_crash_before_the_flush(self):
        # Nothing was said to be applied, and nothing is lost or done twice.
        db = self.lab.database()
        files = numbered(9, n9="insert into effects values (9);\nselect pg_sleep(3);\n")
        watch = Watch(self.lab, self.lab.start_run(
            "run", "--json", event=self.lab.event(), port=self.lab.direct,
            plan=self.lab.plan(files, db, database={"wait": "30s"})))
        self.asleep(db)
        self.assertFalse([line for line in watch.log() if line["msg"].startswith("applied ")])
        self.crash()
        run = watch.finish()
        self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in run.report["applied"]],
                         [identity(n) for n in range(1, 10)])
        self.assertEqual(self.effects(db), list(range(1, 10)))


class Middle(Base):
    """Cut off in the middle of a batch."""

    FILES = numbered(20, n12="insert into effects values (12);\nselect pg_sleep(60);\n")

    def start(self, db, port, *args):
        watch = Watch(self.lab, self.lab.start_run(
            "run", "--json", *args, plan=self.lab.plan(self.FILES, db), event=self.lab.event(),
            port=port))
        self.asleep(db)
        return watch

    @everywhere
    def test_sigterm(self, port):
        db = self.lab.database()
        watch = self.start(db, port)
        started = time.monotonic()
        watch.process.send_signal(signal.SIGTERM)
        run = watch.finish()
        self.assertLess(time.monotonic() - started, 12)
        report = self.ends(run, 7, "interrupted")
        self.assertEqual(report["error"]["migration"], identity(12))
        self.stands_at(db, run, 11, failed=False)
        self.assertEqual(self.lab.runs(db)[0]["outcome"], "interrupted")

    @everywhere
    def test_killed_and_started_again_at_once(self, port):
        db = self.lab.database()
        watch = self.start(db, port)
        watch.process.kill()
        run = self.run_plan(db, numbered(20), port=port)
        self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in run.report["applied"]],
                         [identity(n) for n in range(12, 21)])
        self.assertEqual(self.effects(db), list(range(1, 21)))
        self.assertEqual([row["outcome"] for row in self.lab.runs(db)], ["lost", "applied"])
        watch.process.wait()

    @everywhere
    def test_the_log_shows_how_far_it_is(self, port):
        db = self.lab.database()
        watch = self.start(db, port, "--log-level", "debug")
        for number in (1, 11, 12):
            watch.wait_for(lambda line, number=number: line["msg"].startswith("at ") and
                           line["migration"] == identity(number), seconds=10)
        watch.process.send_signal(signal.SIGTERM)
        self.ends(watch.finish(), 7, "interrupted")


if __name__ == "__main__":
    main()
