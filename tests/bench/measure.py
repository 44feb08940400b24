"""The laboratory as the benchmark uses it, and the cells of its tables: a scenario at a delay."""

import collections
import os
import statistics
import subprocess
import sys
import tempfile

from processes import with_parent
from programs import Select
from scenarios import LEFT_OUT, SCENARIOS

# A run with nothing to do is short, and can be had without a fresh database: take more.
MORE_OF_NOTHING = 4
# Once a program has taken this long in one cell, its median will not change much.
ENOUGH_SECONDS = 30
RUN_SECONDS = 900
DATABASE = "bench"

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

    def fresh_database(self, name):
        """A new and empty database in place of one of that name."""
        self.lab.psql(f"drop database if exists {name} with (force)")
        self.lab.psql(f"create database {name} template template0 owner orders_owner")
        self.lab.console("RECONNECT")  # what it had went with the database
        self.settle(name)

    def settle(self, name):
        """What came before is on disk, and the pooler is connected to the database."""
        self.lab.psql("checkpoint")
        self.lab.psql("select 1", name, "migrator", self.lab.pooler)

    def run(self, program, folder, delay_ms, database):
        """One run of a program in its folder."""
        argv = [f"{self._tools}/relay", str(self.lab.pooler), str(delay_ms * 1000)]
        with subprocess.Popen(with_parent(argv), text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as relay:
            port = int(relay.stdout.readline())
            command = program.command(folder, port, database)
            code, nanoseconds, peak_kib = self._time(command, folder)
            counted = [int(word) for word in relay.communicate()[0].split()]
        if code:
            with open(self._output, encoding="utf-8", errors="replace") as stream:
                raise Failed(f"{program.name} ended with {code}:\n{stream.read()[-3000:]}")
        return Sample(nanoseconds / 1e9, peak_kib, *counted)

    def _time(self, command, folder):
        """What the stopwatch says of a command."""
        argv, env = command
        try:
            done = subprocess.run(
                with_parent([f"{self._tools}/stopwatch", self._output, *argv]), cwd=folder, env=env,
                text=True, stdout=subprocess.PIPE, timeout=RUN_SECONDS, check=True)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{argv[0]} takes more than {RUN_SECONDS} s") from late
        return [int(word) for word in done.stdout.split()]

    def check(self, program, scenario, database):
        """Raises when not everything was applied."""
        query, value = scenario.check
        found = self.lab.value(query, database)
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
            bench.fresh_database(DATABASE)
            sample = bench.run(program, f"{folder}/{program.name}", self.delay_ms, DATABASE)
            bench.check(program, self.scenario, DATABASE)
            return sample

        self._take_turns(programs, rounds, one)

    def _nothing(self, bench, programs, folder, rounds):
        """Each program on a database that it has brought up to date itself, next to the floor."""
        def one(program):
            own = program if program in ready else ready[0]
            return bench.run(program, f"{folder}/{own.name}", self.delay_ms, f"bench_{own.name}")

        ready = []
        for program in programs:
            if program.name == "psql":
                self.notes["psql"] = "remembers nothing"
            elif self._bring_up_to_date(bench, program, f"{folder}/{program.name}"):
                ready.append(program)
        if ready:
            self._take_turns([*ready, Select(bench)], rounds * MORE_OF_NOTHING, one)

    def _bring_up_to_date(self, bench, program, folder):
        name = f"bench_{program.name}"
        bench.fresh_database(name)
        try:
            bench.run(program, folder, 0, name)
            bench.check(program, self.scenario, name)
        except Failed as failure:
            self._note_failure(program, failure)
            return False
        bench.settle(name)
        return True

    def _take_turns(self, programs, rounds, one):
        for number in range(rounds):
            # Nobody is always the first after the others' work.
            for at in range(len(programs)):
                self._sample(programs[(at + number) % len(programs)], one)

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
