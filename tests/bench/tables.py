"""The cells measured as Markdown tables, and the targets."""

import os

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.md")
BEGIN, END = "<!-- results -->\n", "<!-- /results -->\n"
OURS, FLOOR = "postlude", "select 1"
MIB = 1024 * 1024


def _seconds(value):
    return f"{value * 1000:.3g} ms" if value < 0.9995 else f"{value:.3g} s"


def _time(cell, program):
    value, ours = cell.median(program, "seconds"), cell.median(OURS, "seconds")
    if value is None:
        return cell.notes.get(program, "")
    ratio = "" if program == OURS or not ours else f" ({value / ours:.2g}×)"
    return _seconds(value) + ratio


def _wire(cell, program):
    trips = cell.median(program, "round_trips")
    if trips is None:
        return cell.notes.get(program, "")
    kilobytes = (cell.median(program, "up") + cell.median(program, "down")) / 1000
    return f"{trips:.0f} / {cell.median(program, 'connections'):.0f} / {kilobytes:,.0f}"


def _peak(cell, program):
    value = cell.peak_kib(program)
    return cell.notes.get(program, "") if value is None else f"{value / 1024:.1f}"


def _row(cells):
    return "| " + " | ".join(cells) + " |\n"


def _table(measured, names, show):
    lines = _row(["migrations", "ms each way", *names]) + _row(["---"] * (len(names) + 2))
    for cell in measured:
        lines += _row([cell.scenario.title, str(cell.delay_ms),
                       *(show(cell, program) for program in names)])
    return lines


def _times(of, beside):
    """How many times as long one program takes as another."""
    def number(cell):
        value, base = cell.median(of, "seconds"), cell.median(beside, "seconds")
        return value / base if value and base else None
    return number


def _beside_fastest(cell):
    ratios = [_times(OURS, other)(cell) for other in ("psql", "dbmate", "sqitch")]
    return max((ratio for ratio in ratios if ratio), default=None)


def _trips(cell):
    return cell.median(OURS, "round_trips")


def _beside_files(cell):
    peak = cell.peak_kib(OURS)
    return peak and peak / 1024 - 2 * cell.largest_bytes / MIB


# Text, the cells it is about, the number of a cell, how it is shown, and the limit: the most that
# is allowed with max, which picks the worst cell, and the least with min.
TARGETS = [
    ("nothing pending, 0 ms: at most 1.3 × `psql -c 'select 1'`", ("nothing", 0),
     _times(OURS, FLOOR), "{:.2f} ×", max, 1.3),
    ("nothing pending: at most 9 round trips, with TLS and SCRAM", ("nothing", None),
     _trips, "{:.0f}", max, 9),
    ("200 small, 5 ms: at least 20 × faster than psql", ("200", 5),
     _times("psql", OURS), "{:.1f} ×", min, 20),
    ("200 small, 5 ms: at least 40 × faster than dbmate", ("200", 5),
     _times("dbmate", OURS), "{:.1f} ×", min, 40),
    ("1000 small, 0 ms: at most 0.75 of psql's time", ("1000", 0),
     _times(OURS, "psql"), "{:.2f} ×", max, 0.75),
    ("5 MB: at most 1.2 × the fastest other", ("5mb", None),
     _beside_fastest, "{:.2f} ×", max, 1.2),
    ("peak memory beside twice the largest file: at most 16 MiB", (None, None),
     _beside_files, "{:.1f} MiB", max, 16),
]


def _verdict(measured, target):
    text, (name, delay_ms), number, shown, worst, limit = target
    numbers = [number(cell) for cell in measured
               if name in (None, cell.name) and delay_ms in (None, cell.delay_ms)]
    numbers = [value for value in numbers if value is not None]
    if not numbers:
        return _row([text, "not measured", ""])
    value = worst(numbers)
    return _row([text, shown.format(value), "yes" if worst(value, limit) == limit else "no"])


def render(measured, names):
    """All tables, as Markdown."""
    shown = names + [FLOOR] if any(cell.samples.get(FLOOR) for cell in measured) else names
    return ("Time from start to exit; in brackets how many times as long as postlude:\n\n"
            + _table(measured, shown, _time)
            + "\nRound trips / connections / kB both ways, TLS included:\n\n"
            + _table(measured, shown, _wire)
            + "\nPeak memory of the largest process, MiB:\n\n" + _table(measured, shown, _peak)
            + "\n" + _row(["target", "measured", "reached"]) + _row(["---"] * 3)
            + "".join(_verdict(measured, target) for target in TARGETS))


def write(text):
    """Puts the tables between the marks of README.md."""
    with open(README, encoding="utf-8") as stream:
        before, rest = stream.read().split(BEGIN)
    with open(README, "w", encoding="utf-8") as stream:
        stream.write(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")
