"""Killed, told to stop, or left without a database at random moments: the work is done in the end,
once, and whatever a run said of it was so.

The long form takes many moments. SEED, in the environment, gives the ones of an earlier run again.
"""

import concurrent.futures
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time

from case import LONG, main, setUpModule  # noqa: F401
from test_leaks import SESSION
from truth import CREATE_EFFECTS, TruthCase, effect, ids_of

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
KILLS = 200 if LONG else 8
RESTARTS = 40 if LONG else 1  # of each kind
AT_ONCE = 4  # most of the time a sweep waits for what was killed

FILES = {
    "0001_effects.sql": effect("0001_effects", CREATE_EFFECTS),
    "0002_small.sql": effect("0002_small", "create table small (a int);\n"),
    "0003_slow.sql": effect("0003_slow", after="select pg_sleep(0.15);\n"),
    "0004_session.sql": effect("0004_session", "set work_mem = '7MB';\nlisten orders;\n"
                               "create temporary table scratch (a int);\n"
                               "select pg_advisory_lock(4711);\nprepare p as select 1;\n"),
    "0005_copy.sql": effect("0005_copy", "create table copied (n int, t text);\n"
                            "copy copied from stdin;\n" +
                            "".join(f"{n}\t{'y' * 500}\n" for n in range(2000)) + "\\.\n"),
    # More than two messages of one transaction.
    "0006_large.sql": effect("0006_large", "create table large (t text);\n" + "".join(
        f"insert into large values ('{n}{'x' * 250_000}');\n" for n in range(10))),
    "0007_slow.sql": effect("0007_slow", "select pg_sleep(0.15);\n"),
    "0008_last.sql": effect("0008_last"),
}
# Outside a transaction: statement by statement, and a program that the ledger knows nothing of.
OUTSIDE = {
    "0101_named.sql": effect("0101_named", after="select pg_sleep(0.05);\n"
                             "create unique index concurrently named on copied (n);\n"
                             "reindex index concurrently named;\n"),
    "0102_unnamed.sql": "create index concurrently on large (length(t));\n" +
                        effect("0102_unnamed", after="create table after_unnamed ();\n"),
    "0103_between.sql": effect("0103_between"),
}
# Not in a shell: what a shell has started would outlive us here, though not in a container.
COMMAND = {"id": "0104_command",
           "command": ["psql", "-Xqc", "select pg_sleep(0.1)",
                       "-c", "insert into effects values ('0104_command')",
                       "-c", "select pg_sleep(0.05)"],
           "verify": "select count(*) = 1 from effects where step = '0104_command'"}


class Sweep(TruthCase):
    """What the sweeps share: a plan, its runs, and how an undisturbed database looks."""

    outside_files = OUTSIDE
    commands = (COMMAND,)
    outside = frozenset(["0101_named", "0102_unnamed", COMMAND["id"]])

    @classmethod
    def setUpClass(cls):
        print(f"SEED={SEED}", file=sys.stderr)

    def setUp(self):
        self.files = {**FILES, **self.outside_files}
        self.ids = ids_of(self.files) + [step["id"] for step in self.commands]
        db = self.lab.database()
        started = time.monotonic()
        run = self.lab.finish(self.start(db, self.lab.pooler))
        self.duration = time.monotonic() - started
        self.ended(run, db, self.ids)
        self.whole = self.lab.fingerprint(db, ledger=False)

    def start(self, db, port, files=None):
        """Starts a run of the plan, for a deploy of its own."""
        files = files or self.files
        plan = self.lab.plan(files, db, migrations=[*files, *self.commands],
                             database={"wait": "20s"})
        return self.lab.start_run("run", "--json", plan=plan, event=self.lab.event(), port=port,
                                  env={"PATH": "/usr/bin:/bin"})

    def done(self, db, port, files=None):
        """An undisturbed run ends the work; the database looks as if nothing had been."""
        run = self.lab.finish(self.start(db, port, files))
        self.ended(run, db, self.ids)
        self.assertEqual(self.lab.fingerprint(db, ledger=False), self.whole, run)
        self.assertEqual(self.lab.value("select count(*) from pg_index where not indisvalid", db),
                         "0", run)
        self.assertEqual(self.lab.value("select count(*) from pg_class where relpersistence = 't'",
                                        db), "0", run)

    def session(self, db):
        """What a client of the pool sees in its session."""
        return json.loads(self.lab.psql(SESSION, db, user="migrator", port=self.lab.pooler))

    def asleep(self, db):
        """Waits until a migration's pg_sleep runs."""
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep' and "
                              "application_name ~ '^postlude'", "1")


class Kills(Sweep):
    """Runs ended by a signal."""

    def signalled(self, db, port, draw):
        """One run that gets a signal at a random moment; whether it had done all by then."""
        process = self.start(db, port)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, 1.1 * self.duration))
        process.send_signal(draw.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
        run = self.lab.finish(process, timeout=40)
        self.quiet(db)
        if run.code < 0:  # SIGTERM does that as long as the program is not there yet
            self.assertTrue(run.code == -signal.SIGKILL or not run.out + run.err, run)
            self.in_step(db)
            return False
        self.truthful(run, db, self.ids)
        return run.code == 0

    def until_done(self, number, db, port):
        """Runs get signals until one has done all, and one more runs undisturbed; how many got
        one. number is the case's, and draws its moments."""
        pooled = port == self.lab.pooler
        before = self.session(db) if pooled else None
        draw = random.Random(f"{SEED}/{number}")
        count = 1
        try:
            while not self.signalled(db, port, draw) and count < 20:
                count += 1
            self.done(db, port)
            if pooled:
                self.assertEqual(self.session(db), before)
        except AssertionError as error:
            raise AssertionError(f"SEED={SEED}, case {number}, signal {count}: {error}") from error
        return count

    def at_any_moment(self, total, *pool_sizes):
        """Runs get that many signals, on databases of these sizes of pool in turn; 0: direct."""
        sizes = itertools.cycle(pool_sizes)
        numbers, kills = itertools.count(), 0
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            while kills < total:
                cases = [(next(numbers), self.lab.database(pool_size=size or None),
                          self.lab.pooler if size else self.lab.direct)
                         for size in itertools.islice(sizes, AT_ONCE)]
                kills += sum(pool.map(self.until_done, *zip(*cases)))

    def test_at_any_moment(self):
        self.at_any_moment(KILLS, 0, 2, 0, 10)

    def slow(self, seconds):
        """The plan, with a migration that takes longer."""
        return {**self.files, "0003_slow.sql": effect(
            "0003_slow", after=f"select pg_sleep({seconds});\n")}

    def killed_asleep(self, db, port, files):
        """A run that is killed in the middle of a message, which goes on on the server."""
        process = self.start(db, port, files)
        self.asleep(db)
        process.kill()
        process.communicate()

    def test_the_next_run_starts_at_once(self):
        files, following = self.slow(1.5), []
        for port in (self.lab.direct, self.lab.pooler):
            db = self.lab.database()
            self.killed_asleep(db, port, files)
            following.append((db, port, self.start(db, port, files)))
        for db, port, process in following:
            self.ended(self.lab.finish(process), db, self.ids)
            self.done(db, port, files)


class Queue(Kills):
    """Runs killed on a pool of one server connection, which also shows what is left in it."""

    outside_files = {}  # they need two connections
    commands = ()
    outside = frozenset()

    def test_at_any_moment(self):
        self.at_any_moment(KILLS // 2, 1)

    def waiting(self, db, least):
        """Waits until at least so many messages wait for a server connection of the pool (a run
        also asks who is in its way); 0: none."""
        end = time.monotonic() + 20
        while True:
            (count,) = [int(row.split("|")[3]) for row in self.lab.console("SHOW POOLS").split("\n")
                        if row.startswith(f"{db}|migrator|")]
            if count >= least > 0 or count == least:
                return
            self.assertLess(time.monotonic(), end, self.lab.console("SHOW POOLS"))
            time.sleep(0.05)

    @contextlib.contextmanager
    def killed_in_the_queue(self, files):
        """A database whose pool is full during the block, while the message of a killed run waits
        in front of it. PgBouncer sees only when its turn comes that its sender is gone."""
        db = self.lab.database(pool_size=1)
        process = self.start(db, self.lab.pooler, files)
        self.asleep(db)
        # Gets the connection when the slow migration ends, before the next one.
        with self.lab.session(db, "begin; select pg_sleep(60);", user="migrator",
                              port=self.lab.pooler):
            self.waiting(db, 1)
            process.kill()
            process.communicate()
            yield db
        self.waiting(db, 0)

    def nothing_comes_late(self, db, before):
        time.sleep(1)
        self.quiet(db)
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_killed_in_the_queue_and_the_next_run_behind_it(self):
        files = self.slow(1)
        with self.killed_in_the_queue(files) as db:
            following = self.start(db, self.lab.pooler, files)
            self.waiting(db, 2)
        self.ended(self.lab.finish(following), db, self.ids)
        self.nothing_comes_late(db, self.lab.fingerprint(db))
        self.done(db, self.lab.pooler, files)

    def test_killed_in_the_queue_and_the_next_run_past_it(self):
        files = self.slow(1)
        with self.killed_in_the_queue(files) as db:
            run = self.lab.finish(self.start(db, self.lab.direct, files))
            before = self.lab.fingerprint(db)
        self.ended(run, db, self.ids)
        self.assertGreaterEqual(run.report["already_applied"], 3, run)
        self.nothing_comes_late(db, before)
        self.done(db, self.lab.pooler, files)


class Restarts(Sweep):
    """Servers that go away in the middle of a run, and come back."""

    def restarted(self, number, port, restart):
        db = self.lab.database()
        draw = random.Random(f"{SEED}/{number}")
        process = self.start(db, port)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, self.duration))
        restart()
        run = self.lab.finish(process)
        self.quiet(db)
        self.truthful(run, db, self.ids)
        self.done(db, port)

    def sweep(self, restart, *ports):
        for number in range(RESTARTS):
            for port in ports:
                with self.subTest(seed=SEED, number=number, port=port):
                    self.restarted(number, port, restart)

    def test_of_postgresql(self):
        self.sweep(self.lab.server.restart, self.lab.direct, self.lab.pooler)

    def test_crashes_of_postgresql(self):
        self.sweep(lambda: self.lab.server.restart("immediate"), self.lab.direct, self.lab.pooler)

    def test_of_the_pooler(self):
        self.sweep(self.lab.bouncer.restart, self.lab.pooler)


if __name__ == "__main__":
    main()
