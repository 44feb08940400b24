"""Measures postlude beside psql, dbmate and sqitch: tests/bench/run calls this.

Every run goes through a relay, which adds a delay, to PgBouncer in transaction mode, and from there
to PostgreSQL: a database of its own, everything flushed to disk before, the pooler connected.
"""

import argparse
import collections
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import machine
import tables
from lab import Lab
from processes import with_parent
from programs import COMPARED, DATABASE, Select
from scenarios import LEFT_OUT, SCENARIOS

# The laboratory's tests need no durability; what is measured here does.
DURABLE = ("fsync = on", "full_page_writes = on", "shared_buffers = 128MB", "max_wal_size = 1GB",
           "log_connections = off")
DELAYS_MS = (0, 1, 5)
QUICK = [("nothing", 0), ("nothing", 5), ("200", 5), ("1000", 0), ("5mb", 0)]
ROUNDS, QUICK_ROUNDS = 5, 2
# A run with nothing to do is short, and can be had without a fresh database: take more.
MORE_OF_NOTHING = 4
# Once a program has taken this long in one cell, its median will not change much.
ENOUGH_SECONDS = 30
RUN_SECONDS = 900

Sample = collections.namedtuple("Sample", "seconds peak_kib connections round_trips up down")


class Failed(RuntimeError):
    """A program did not do its work."""


class Bench:
    """The laboratory, the relay and the stopwatch."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.folder = folder
        self._tools = os.environ["BENCH_TOOLS"]
        self._output = f"{folder}/output"

    def fresh_database(self):
        """The one database, new and empty; PgBouncer has a connection to it."""
        self.lab.psql(f"drop database if exists {DATABASE} with (force)")
        self.lab.psql(f"create database {DATABASE} template template0 owner orders_owner")
        self.lab.console("RECONNECT")  # what it had went with the database
        self.settle()

    def settle(self):
        """What came before is on disk, and the pooler is connected."""
        self.lab.psql("checkpoint")
        self.lab.psql("select 1", DATABASE, "migrator", self.lab.pooler)

    def run(self, program, folder, delay_ms):
        """One run of a program in its folder."""
        argv = [f"{self._tools}/relay", str(self.lab.pooler), str(delay_ms * 1000)]
        with subprocess.Popen(with_parent(argv), text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as relay:
            code, nanoseconds, peak_kib = self._time(program, folder, int(relay.stdout.readline()))
            counted = [int(word) for word in relay.communicate()[0].split()]
        if code:
            with open(self._output, encoding="utf-8", errors="replace") as stream:
                raise Failed(f"{program.name} ended with {code}:\n{stream.read()[-3000:]}")
        return Sample(nanoseconds / 1e9, peak_kib, *counted)

    def _time(self, program, folder, port):
        """What the stopwatch says of one run through that port."""
        argv, env = program.command(folder, port)
        try:
            done = subprocess.run(
                with_parent([f"{self._tools}/stopwatch", self._output, *argv]), cwd=folder, env=env,
                text=True, stdout=subprocess.PIPE, timeout=RUN_SECONDS, check=True)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{program.name} takes more than {RUN_SECONDS} s") from late
        return [int(word) for word in done.stdout.split()]

    def check(self, program, scenario):
        """Raises when not everything was applied."""
        query, value = scenario.check
        found = self.lab.value(query, DATABASE)
        if found != value:
            raise Failed(f"{program.name} left {found} instead of {value}: {query}")


class Cell:
    """A scenario at a delay: samples of each program, or why there are none."""

    def __init__(self, name, delay_ms):
        self.name = name
        self.scenario = SCENARIOS[name]
        self.delay_ms = delay_ms
        self.samples = {}
        self.notes = {}
        self.largest_bytes = 0

    def median(self, program, what):
        """The median of one number of a program's samples; None where there are none."""
        samples = self.samples.get(program)
        return statistics.median(getattr(sample, what) for sample in samples) if samples else None

    def peak_kib(self, program):
        """The highest peak of a program."""
        return max((sample.peak_kib for sample in self.samples.get(program, ())), default=None)

    def _takes_part(self, program):
        note = LEFT_OUT.get((self.name, self.delay_ms, program.name))
        if self.scenario.only and program.name not in self.scenario.only:
            note = "cannot"
        if program.path is None:
            note = "not installed"
        if note:
            self.notes[program.name] = note
        return not note

    def measure(self, bench, programs, rounds):
        """Runs the programs in turns. One that fails is left out from there on, with a note."""
        migrations = self.scenario.migrations()
        self.largest_bytes = max(len(text.encode()) for _, text in migrations)
        taking_part = [program for program in programs if self._takes_part(program)]
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
            for program in taking_part:
                program.prepare(f"{folder}/{program.name}", migrations)
            measure = self._nothing if self.name == "nothing" else self._pending
            measure(bench, taking_part, folder, rounds)

    def _pending(self, bench, programs, folder, rounds):
        def one(program):
            bench.fresh_database()
            sample = bench.run(program, f"{folder}/{program.name}", self.delay_ms)
            bench.check(program, self.scenario)
            return sample

        for number in range(rounds):
            # Nobody is always the first after the others' work.
            for at in range(len(programs)):
                self._sample(programs[(at + number) % len(programs)], one)

    def _nothing(self, bench, programs, folder, rounds):
        """Each program on a database that it has brought up to date itself, next to the floor."""
        floor = Select(bench)
        for program in programs:
            if program.name == "psql":
                self.notes["psql"] = "remembers nothing"
                continue
            here = f"{folder}/{program.name}"

            def one(which, here=here):
                return bench.run(which, here, self.delay_ms)

            try:
                bench.fresh_database()
                one(program)
                bench.check(program, self.scenario)
                bench.settle()
            except Failed as failure:
                self._note_failure(program, failure)
                continue
            for _ in range(rounds * MORE_OF_NOTHING):
                self._sample(floor, one)
                self._sample(program, one)

    def _sample(self, program, one):
        samples = self.samples.setdefault(program.name, [])
        if program.name in self.notes or sum(s.seconds for s in samples) > ENOUGH_SECONDS:
            return
        try:
            samples.append(one(program))
        except Failed as failure:
            self._note_failure(program, failure)

    def _note_failure(self, program, failure):
        print(f"{self.scenario.title}, {self.delay_ms} ms: {failure}", file=sys.stderr)
        self.notes[program.name] = "failed"
        self.samples.pop(program.name, None)

    @property
    def failed(self):
        return "failed" in self.notes.values()


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=(
        "Measures postlude beside psql, dbmate and sqitch through PgBouncer, with TLS, and prints "
        "tables. Targets that are not reached make it no failure."))
    parser.add_argument("--quick", action="store_true",
                        help=f"{QUICK_ROUNDS} rounds of " + ", ".join(
                            f"{name} at {delay} ms" for name, delay in QUICK))
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), metavar="SCENARIO",
                        help="one of " + ", ".join(SCENARIOS) + "; can be given again")
    parser.add_argument("--delay", action="append", type=int, choices=DELAYS_MS, metavar="MS",
                        help="milliseconds each way: one of 0, 1, 5; can be given again")
    parser.add_argument("--programs", metavar="A,B", type=lambda text: text.split(","),
                        default=[program.name for program in COMPARED],
                        help="of " + ", ".join(program.name for program in COMPARED))
    parser.add_argument("--rounds", type=int, help=f"default {ROUNDS}, {QUICK_ROUNDS} with --quick")
    parser.add_argument("--write", action="store_true",
                        help="put the tables of a full run into tests/bench/README.md")
    chosen = parser.parse_args()
    names = {program.name for program in COMPARED}
    if set(chosen.programs) - names:
        parser.error(f"--programs: not one of {', '.join(sorted(names))}")
    if chosen.write and (chosen.quick or chosen.only or chosen.delay or
                         set(chosen.programs) != names):
        parser.error("--write is for a full run")
    return chosen


def cells(chosen):
    """What is to be measured."""
    places = QUICK if chosen.quick else [(name, delay) for name in SCENARIOS
                                         for delay in DELAYS_MS]
    return [Cell(name, delay) for name, delay in places
            if (not chosen.only or name in chosen.only)
            and (not chosen.delay or delay in chosen.delay)]


def measure_all(bench, chosen):
    """The cells measured, and the programs with their versions."""
    programs = [program(bench) for program in COMPARED if program.name in chosen.programs]
    rounds = chosen.rounds or (QUICK_ROUNDS if chosen.quick else ROUNDS)
    measured = cells(chosen)
    for number, cell in enumerate(measured, 1):
        print(f"{number} of {len(measured)}: {cell.scenario.title}, {cell.delay_ms} ms each way",
              file=sys.stderr)
        cell.measure(bench, programs, rounds)
    facts = machine.facts(bench.lab, [p for p in programs if p.path], rounds)
    return measured, [program.name for program in programs], facts


def main():
    chosen = arguments()
    folder = tempfile.mkdtemp(prefix="postlude-bench-", dir="/tmp")
    try:
        with Lab(settings=DURABLE) as lab:
            allow_lib_pq(lab)
            measured, names, facts = measure_all(Bench(lab, folder), chosen)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = f"{facts}\n\n{tables.render(measured, names)}"
    print(text)
    if chosen.write:
        tables.write(text)
    sys.exit(1 if any(cell.failed for cell in measured) else 0)


def allow_lib_pq(lab):
    """PgBouncer refuses dbmate's driver, which sends a startup parameter, unless told not to."""
    with open(f"{lab.bouncer.folder}/port.ini", "a", encoding="utf-8") as stream:
        stream.write("ignore_startup_parameters = extra_float_digits\n")
    lab.console("RELOAD")


if __name__ == "__main__":
    main()
