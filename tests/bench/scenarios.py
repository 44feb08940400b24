"""What is applied: a scenario is a list of migrations (name, SQL), the same for every program."""

ROW = "a line of text as an application would keep it, number "


def small(count):
    """count migrations of two statements that cost a server little: a table is one file."""
    return [(f"{number:04d}_small",
             f"create table small_{number} (id int, amount int not null default 0);\n"
             f"insert into small_{number} (id) values ({number});\n")
            for number in range(1, count + 1)]


def tables(count):
    """count migrations that make a table with a key and a text: three files for the server."""
    return [(f"{number:04d}_table",
             f"create table small_{number} (id int primary key, note text);\n"
             f"insert into small_{number} values (1, 'migration {number}');\n")
            for number in range(1, count + 1)]


def inserts(name, rows, rows_each, text):
    """One migration: a table, and rows in INSERT statements of rows_each rows."""
    parts = [f"create table {name} (id int primary key, note text);\n"]
    for first in range(1, rows + 1, rows_each):
        values = ",\n".join(f"({number}, '{text}{number}')"
                            for number in range(first, min(first + rows_each, rows + 1)))
        parts.append(f"insert into {name} values\n{values};\n")
    return [(f"0001_{name}", "".join(parts))]


def copied(name, rows, text):
    """One migration: a table, and rows as COPY's data, as pg_dump writes them."""
    data = "".join(f"{number}\t{text}{number}\n" for number in range(1, rows + 1))
    return [(f"0001_{name}", f"create table {name} (id int primary key, note text);\n"
             f"copy {name} (id, note) from stdin;\n{data}\\.\n")]


class Scenario:
    """`migrations` is a function, since some are large. `only` names programs where not all can;
    `check` counts what is there when all was applied: (query, value)."""

    def __init__(self, title, migrations, check, only=None):
        self.title = title
        self.migrations = migrations
        self.check = check
        self.only = only


TABLES = "select count(*) from pg_tables where schemaname = 'public' and tablename ~ '^small'"

# By the name that --only takes. "nothing" is run on a database that has them all already.
SCENARIOS = {
    "nothing": Scenario("nothing pending of 100", lambda: small(100), (TABLES, "100")),
    "1": Scenario("1 small migration", lambda: small(1), (TABLES, "1")),
    "200": Scenario("200 small migrations", lambda: small(200), (TABLES, "200")),
    "1000": Scenario("1000 small migrations", lambda: small(1000), (TABLES, "1000")),
    "tables": Scenario("200 tables with key and text", lambda: tables(200), (TABLES, "200")),
    "rows": Scenario("200,000 rows, INSERTs of 1000 rows",
                     lambda: inserts("lines", 200_000, 1000, ROW),
                     ("select count(*) from lines", "200000")),
    "copy": Scenario("200,000 rows, COPY data", lambda: copied("lines", 200_000, ROW),
                     ("select count(*) from lines", "200000"),
                     only=("postlude", "psql", "sqitch")),
    "5mb": Scenario("one file of 5 MB, INSERTs of 100 rows", lambda: inserts("lines", 56_300, 100,
                                                                        ROW + "some more words "),
                    ("select count(*) from lines", "56300")),
}

# Cells that are not measured, since they would take minutes and say nothing new.
LEFT_OUT = {("1000", 5, "sqitch"): "about 3 min, not run"}
