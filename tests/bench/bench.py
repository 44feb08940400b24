"""Measures postlude beside psql, dbmate and sqitch: tests/bench/run calls this.

Every run goes through a relay, which adds a delay, to PgBouncer in transaction mode, and from there
to PostgreSQL: a database of its own, everything flushed to disk before, the pooler connected.
"""

import argparse
import os
import shutil
import sys
import tempfile

import machine
import tables
from lab import Lab
from measure import Bench, Cell
from programs import COMPARED
from scenarios import SCENARIOS

# The laboratory's tests need no durability; what is measured here does.
DURABLE = ("fsync = on", "full_page_writes = on", "shared_buffers = 128MB", "max_wal_size = 1GB",
           "log_connections = off")
DELAYS_MS = (0, 1, 5)
QUICK = [("nothing", 0), ("nothing", 5), ("200", 5), ("1000", 0), ("5mb", 0)]
ROUNDS, QUICK_ROUNDS = 5, 2


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
    try:
        chosen = arguments()
        with Lab(settings=DURABLE) as lab, \
                tempfile.TemporaryDirectory(prefix="postlude-bench-", dir="/tmp") as folder:
            allow_lib_pq(lab)
            measured, names, facts = measure_all(Bench(lab, folder), chosen)
    finally:
        shutil.rmtree(os.environ["BENCH_NPM"], ignore_errors=True)
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
    try:
        main()
    except KeyboardInterrupt:  # ^C, and what the laboratory makes of SIGTERM
        sys.exit(130)
