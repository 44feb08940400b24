"""One call to the outside fails, each in turn: what the run then says is so, and the next run ends
the work, with nothing done twice.

The program is linked with tests/faults/faults.c, which counts the calls of libpq and libcurl and
cuts the connection at one of them. The short form takes a sample of them.
"""

import concurrent.futures
import itertools
import os

from aws_case import setUpModule  # noqa: F401
from case import LONG, main
from lab import REPOSITORY
from truth import CREATE_EFFECTS, TruthCase, effect, ids_of

os.environ.setdefault("POSTLUDE", f"{REPOSITORY}/build/tests/faults/postlude_faulty")

HOWS = ("before", "after", "amid")
SENDING = ("PQsendQuery", "PQflush", "PQputCopyData", "PQputCopyEnd", "curl_multi_perform")
TAKING = ("PQgetResult", "PQgetCopyData")  # what has arrived already
AT_ONCE = 4  # most of the time a sweep waits
PATH = {"PATH": "/usr/bin:/bin"}  # of commands

# Each takes a while, so that there is time to cut it off.
SLEEP = "select pg_sleep(0.05);\n"
FILES = {
    "0001_effects.sql": effect("0001_effects", CREATE_EFFECTS, SLEEP),
    "0002_plain.sql": effect("0002_plain", after=SLEEP),
    "0003_copy.sql": effect("0003_copy", "create table copied (n int, t text);\n"
                            "copy copied from stdin;\n1\ta\n2\tb\n3\tc\n\\.\n", SLEEP),
    # More than two messages of one transaction.
    "0004_large.sql": effect("0004_large", "create table large (t text);\n" + "".join(
        f"insert into large values ('{n}{'x' * 250_000}');\n" for n in range(10)), SLEEP),
    "0005_last.sql": effect("0005_last", after=SLEEP),
}


def hows_of(name):
    """The ways in which a call of this function can fail that differ."""
    return HOWS if name in SENDING else HOWS[:1] if name in TAKING else HOWS[:2]


def every(calls):
    """(call, how) for each call and each way that differs."""
    return [(call, how) for call in calls for how in hows_of(call[1])]


def spread(calls, count):
    """count of these calls, evenly, with the first and the last."""
    if count >= len(calls):
        return calls
    return [calls[round(i * (len(calls) - 1) / (count - 1))] for i in range(count)]


def sample(calls, count, sends):
    """(call, how) for count of the calls, and for messages cut off while the server is at work.
    Of several calls of a function in a row, which differ in what was read already, one stands for
    all."""
    distinct = [call for call, before in zip(calls, [(0, "")] + calls) if call[1] != before[1]]
    sending = [call for call in calls if call[1] == "PQsendQuery"]
    return list(zip(spread(distinct, count), itertools.cycle(HOWS))) + [
        (call, "amid") for call in spread(sending, sends)]


class Sweep(TruthCase):
    """A count of a run's calls, and a sweep over them."""

    def log(self, db):
        """The file that gets the calls of a database's first run."""
        return f"{self.lab.folder}/{db}.calls"

    def calls(self, db):
        """The calls of its first run: (number, function); and the function whose call failed."""
        with open(self.log(db), encoding="utf-8") as stream:
            lines = [line.split() for line in stream]
        cut = [line[1] for line in lines if len(line) == 3]
        return [(int(line[0]), line[1]) for line in lines], cut[0] if cut else "nothing"

    commands = ()  # entries of the plan behind the files
    only = ""  # what the functions begin with whose calls fail

    def environment(self):
        return PATH

    def event(self):
        return self.lab.event()

    def plan(self, files, db, **changes):
        return self.lab.plan(files, db, migrations=[*files, *self.commands], **changes)

    def ids(self, files):
        return ids_of(files) + [entry["id"] for entry in self.commands]

    def start(self, files, port, fault=None, **changes):
        """A run on a fresh database, perhaps with a fault (number, how); (run, database)."""
        db = self.lab.database()
        plan = self.plan(files, db, database={"wait": "10s"}, **changes)
        at, how = fault or (0, "")
        run = self.lab.run("run", plan=plan, event=self.event(), port=port, env={
            **self.environment(), "FAULTS_LOG": self.log(db), "FAULTS_AT": str(at), "FAULTS_HOW": how})
        return run, db

    def goes_on(self, files, mended, db, port):
        """The next run, undisturbed, ends the work; what is applied is not to be mended."""
        there = self.in_step(db)
        files = {name: files[name] if name[:-4] in there else text for name, text in mended.items()}
        run = self.lab.run("run", plan=self.plan(files, db), event=self.event(), port=port,
                           env=self.environment())
        self.ended(run, db, self.ids(files))
        self.assertEqual(self.lab.fingerprint(db, ledger=False), self.whole)

    def sweep(self, files, mended, size, first="PQconnectStartParams", ports=(), **changes):
        """Fails each call from that function's first one on; in the short form a sample of this
        size. mended is what the next run applies."""
        run, db = self.start(mended, self.lab.direct)
        self.ended(run, db, self.ids(mended))
        self.whole = self.lab.fingerprint(db, ledger=False)
        for port in ports or (self.lab.direct, self.lab.pooler):
            run, db = self.start(files, port, **changes)
            self.truthful(run, db, self.ids(files), cut_off=False)
            calls, _ = self.calls(db)
            calls = calls[[name for _, name in calls].index(first):]
            calls = [call for call in calls if call[1].startswith(self.only)]
            cases = every(calls) if LONG else sample(calls, *size)
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                outcomes = pool.map(lambda fault, port=port: self.disturb(
                    files, mended, port, fault, **changes), cases)
                for ((number, name), how), failed in zip(cases, outcomes):
                    with self.subTest(name, port=port, number=number, how=how):
                        if failed:
                            self.fail(failed)

    def survived(self, run):
        """What else has to be so of a run that met one fault."""

    def disturb(self, files, mended, port, fault, **changes):
        """One case; what was wrong with it, None when nothing was."""
        (number, _), how = fault
        run, db = self.start(files, port, (number, how), **changes)
        _, cut = self.calls(db)
        try:
            self.quiet(db, direct=port == self.lab.direct)
            self.truthful(run, db, self.ids(files))
            self.survived(run)
            self.goes_on(files, mended, db, port)
        except (AssertionError, RuntimeError) as error:
            return f"{cut} was cut:\n{error}\n{run}"
        os.unlink(self.log(db))
        self.lab.drop(db)
        return None

class Faults(Sweep):
    """Migrations in transactions."""

    def test_a_run_that_applies(self):
        self.sweep(FILES, FILES, (6, 6))

    def test_a_migration_that_fails(self):
        failing = {**FILES, "0003_copy.sql": "copy effects from stdin;\nx\n\\.\nselect nowhere;\n"}
        self.sweep(failing, FILES, (3, 0))

    def test_a_migration_that_is_cancelled(self):
        slow = {**FILES, "0002_plain.sql": effect("0002_plain", after="select pg_sleep(7);\n")}
        self.sweep(slow, FILES, (2, 0), first="PQcancel", run={"deadline": "1s"},
                   ports=() if LONG else (self.lab.pooler,))

    def test_every_kind_of_call_is_counted(self):
        run, db = self.start(FILES, self.lab.pooler)
        self.ended(run, db, ids_of(FILES))
        self.assertEqual({name for _, name in self.calls(db)[0]}, {
            "PQconnectStartParams", "PQconnectPoll", "PQsendQuery", "PQflush", "PQconsumeInput",
            "PQgetResult", "PQputCopyData", "PQputCopyEnd", "curl_multi_perform",
            "curl_multi_poll"})


if __name__ == "__main__":
    main()
