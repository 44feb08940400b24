"""What the tests of runs that are told to stop share."""

import signal
import time

from case import LabCase
from watch import Watch

SLOW = {"0001_first.sql": "create table first (a int);\n",
        "0002_slow.sql": "create table slow (a int);\nselect pg_sleep(60);\n",
        "0003_after.sql": "create table after (a int);\n"}
ASLEEP = ("select count(*) from pg_stat_activity where datname = current_database() "
          "and wait_event = 'PgSleep' and application_name like 'postlude/%'")


class StopCase(LabCase):
    """How a run is started, stopped, and looked at afterwards."""

    def start(self, db, files=None, port=None, **changes):
        return Watch(self.lab, self.lab.start_run(
            "run", "--json", plan=self.lab.plan(SLOW if files is None else files, db, **changes),
            event=self.lab.event(), port=port))

    def asleep(self, db, files=None, port=None, **changes):
        watch = self.start(db, files, port, **changes)
        self.lab.wait_for(db, ASLEEP, "1")
        return watch

    def stops(self, watch, seconds, outcome=(7, "interrupted"), number=signal.SIGTERM):
        """Sends the signal; the report of the run, which ended that soon."""
        started = time.monotonic()
        watch.process.send_signal(number)
        run = watch.finish()
        self.assertLess(time.monotonic() - started, seconds, run)
        self.ends(run, *outcome)
        return run

    def nothing_runs(self, db):
        """Nobody of ours is at work any more."""
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where state <> 'idle' and "
                              "application_name like 'postlude/%' and datname = "
                              "current_database()", "0", seconds=3)
