"""One call to the outside fails, each in turn, in a run with steps outside a transaction."""

from test_faults import Sweep, main, setUpModule  # noqa: F401
from truth import CREATE_EFFECTS, effect

OUTSIDE = {
    "0001_effects.sql": effect("0001_effects", CREATE_EFFECTS),
    "0101_alone.sql": effect("0101_alone", after="create index concurrently named on effects (step);\n"
                             "create index concurrently on effects (length(step));\n"
                             "create table after_the_index ();\n"),
    "0102_between.sql": effect("0102_between"),
}
COMMAND = {"id": "0103_command",
           "command": ["/bin/sh", "-c", "psql -Xqc \"insert into effects values ('0103_command')\""],
           "verify": "select count(*) = 1 from effects where step = '0103_command'"}


class Outside(Sweep):
    """Steps outside a transaction."""

    outside = frozenset(["0101_alone", COMMAND["id"]])
    commands = (COMMAND,)

    def test_a_run_that_applies(self):
        self.sweep(OUTSIDE, OUTSIDE, (5, 4))


if __name__ == "__main__":
    main()
