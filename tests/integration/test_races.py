"""Two runs at once: a migration is applied once, whoever comes first, whatever stands between."""

import os

from case import LONG, ORDERS, ORDER_IDS, LabCase, main, setUpModule  # noqa: F401

RACES = 200 if LONG else 20
EFFECTS = {
    # Nothing here fails the second time, so that only the count tells.
    "0001_effects.sql": "create table if not exists effects (n int);\n",
    "0002_once.sql": "insert into effects values (2);\nselect pg_sleep(0.03);\n",
    "0003_again.sql": "insert into effects values (3);\n",
}
EFFECT_IDS = [name[:-4] for name in EFFECTS]


class Races(LabCase):
    """Each race is on a fresh database: the ledger itself is part of it."""

    def together(self, *hows):
        """Starts runs at the same time; their Runs."""
        processes = [self.lab.start_run("run", "--json", **how) for how in hows]
        return [self.lab.finish(process) for process in processes]

    def race(self, db, same_event, count=2, **how):
        plan = self.lab.plan(EFFECTS, db)
        events = [self.lab.event()] * count if same_event else [
            self.lab.event() for _ in range(count)]
        runs = self.together(*({"plan": plan, "event": event, **how} for event in events))
        text = "\n".join(map(str, runs))
        self.assertEqual([run.code for run in runs], [0] * count, text)
        applied = [step["id"] for run in runs for step in run.report["applied"]]
        self.assertEqual(sorted(applied), EFFECT_IDS, text)
        self.assertEqual(self.lab.value("select array_agg(n order by n) from effects", db),
                         "{2,3}", text)
        outcomes = [run.report["outcome"] for run in runs]
        self.assertIn("applied", outcomes)
        self.assertEqual(set(self.states(db).values()), {"applied"})
        self.assertEqual(self.lab.value("select count(*) from postlude.plan where owner is not null",
                                        db), "0")
        self.assertEqual(self.lab.value("select count(*) from postlude.run where outcome is null",
                                        db), "0")
        return outcomes

    def test_two_deploys(self):
        for number in range(RACES):
            with self.subTest(number):
                port = self.lab.direct if number % 4 == 3 else self.lab.pooler
                self.race(self.lab.database(), same_event=False, port=port)

    def test_two_deliveries_of_one_event(self):
        for number in range(RACES // 2):
            with self.subTest(number):
                self.race(self.lab.database(), same_event=True)

    def test_five_at_once(self):
        for number in range(max(2, RACES // 10)):
            with self.subTest(number):
                self.race(self.lab.database(), same_event=False, count=5)

    def test_a_pool_of_one(self):
        for number in range(max(2, RACES // 10)):
            with self.subTest(number):
                self.race(self.lab.database(pool_size=1), same_event=False)

    def test_two_plans_create_the_ledger(self):
        for number in range(RACES // 2):
            with self.subTest(number):
                db = self.lab.database()
                files = {name: text.replace("orders", "parcels") for name, text in ORDERS.items()}
                runs = self.together(
                    {"plan": self.lab.plan(ORDERS, db), "event": self.lab.event()},
                    {"plan": self.lab.plan(files, db, plan="parcels"), "event": self.lab.event()})
                for run in runs:
                    self.ends(run, 0, "applied")
                self.assertEqual(self.tables(db), {"orders", "parcels"})

    def test_the_other_is_busy_for_too_long(self):
        db = self.lab.database()
        slow = self.lab.start_run("run", "--json", event=self.lab.event(), plan=self.lab.plan(
            {"0001_slow.sql": "select pg_sleep(8);\n"}, db))
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep'", "1")
        plan = self.lab.plan({"0001_slow.sql": "select pg_sleep(8);\n"}, db,
                             run={"lock_wait": "1s"})
        run = self.lab.run("run", plan=plan, event=self.lab.event())
        report = self.ends(run, 5, "busy")
        self.assertEqual(report["applied"], [])
        first = self.ends(self.lab.finish(slow), 0, "applied")
        self.assertIn(first["run_id"], run.out, "it names the run that is at work")

    def test_killed_at_any_moment(self):
        # Whatever the moment, the next run ends where an undisturbed one would.
        for number in range(40 if LONG else 5):
            with self.subTest(number):
                db = self.lab.database()
                plan = self.lab.plan(EFFECTS, db)
                process = self.lab.start_run("run", event=self.lab.event(), plan=plan)
                try:
                    process.wait(0.01 + (0.005 if LONG else 0.03) * number)
                except Exception:  # pylint: disable=broad-except
                    pass
                process.kill()
                process.communicate()
                run = self.lab.run("run", plan=plan, event=self.lab.event())
                self.assertEqual(run.code, 0, run)
                self.assertEqual(self.lab.value("select array_agg(n order by n) from effects", db),
                                 "{2,3}", run)
                self.assertEqual(set(self.states(db).values()), {"applied"})

    def test_nobody_is_left_behind(self):
        db = self.lab.database()
        self.applies(ORDER_IDS, plan=self.lab.plan(ORDERS, db), event=self.lab.event(),
                     port=self.lab.direct)
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where application_name ~ "
                              "'^postlude' and datname = current_database()", "0")
        self.assertEqual(self.lab.value("select count(*) from pg_locks where locktype = 'advisory'",
                                        db), "0")
        self.assertTrue(os.path.isdir(self.lab.folder))


if __name__ == "__main__":
    main()
