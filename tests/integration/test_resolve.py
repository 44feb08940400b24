"""`postlude resolve`: what each action does from each state, and what the next run makes of it."""

from case import ORDERS, ORDER_IDS, LabCase, main, setUpModule  # noqa: F401

FILES = {"0001_effects.sql": "create table effects (n int);\n",
         "0002_two.sql": "insert into effects values (2);\n",
         "0003_three.sql": "insert into effects values (3);\n"}
IDS = [name[:-4] for name in FILES]
WHY = ("--reason", "looked at it")
KEYS = {"schema", "exit_code", "plan", "id", "action", "former", "state", "run_id", "error"}


class ResolveCase(LabCase):
    """Resolving, and states to resolve."""

    def resolve(self, plan, name, action, **how):
        return self.lab.run("resolve", name, f"--{action}", *WHY, plan=plan, **how)

    def settled(self, plan, name, action, former, state):
        """Resolves, and asserts that it worked."""
        run = self.resolve(plan, name, action)
        self.assertEqual(run.code, 0, run)
        document = run.report
        self.assertLessEqual(KEYS, set(document), run)
        self.assertEqual((document["schema"], document["id"], document["action"],
                          document["former"], document["state"], document["error"]),
                         ("postlude.resolve/1", name, action, former, state, None), run)
        return document

    def refused(self, plan, name, action, *words):
        """Resolves, and asserts that it was refused and changed nothing."""
        run = self.resolve(plan, name, action)
        self.assertEqual(run.code, 2, run)
        document = run.report
        self.assertLessEqual(KEYS, set(document), run)
        self.assertEqual((document["error"]["kind"], document["state"]), ("invalid", None), run)
        self.assertTrue(document["error"]["hint"], run)
        for word in words:
            self.assertIn(word, document["error"]["message"] + document["error"]["hint"], run)

    def effects(self, db):
        return self.lab.value("select coalesce(string_agg(n::text, ',' order by n), '') "
                              "from effects", db)

    def set_row(self, db, name, values):
        """Makes a row as a run that was cut off leaves it."""
        self.lab.psql("insert into postlude.migration (plan, id, state, kind, run_id, attempting) "
                      f"select 'orders', '{name}', {values} from postlude.run limit 1", db)

    def in_state(self, state):
        """A database with the first migration applied and the second in a state; its plan."""
        db = self.lab.database()
        plan = self.lab.plan(FILES, db)
        if state == "failed":
            broken = self.lab.plan({**FILES, "0002_two.sql": "select nowhere;\n"}, db)
            self.ends(self.lab.run("run", plan=broken, event=self.lab.event()), 1, "failed")
            return db, plan
        self.ends(self.lab.run("run", "--to", IDS[1] if state in ("applied", "changed") else IDS[0],
                               plan=plan, event=self.lab.event()), 0, "applied")
        if state == "unknown":
            self.set_row(db, IDS[1], "'started', 'alone', run_id, 0")
        elif state == "skipped":
            self.set_row(db, IDS[1], "'skipped', 'sql', run_id, null")
        elif state == "changed":
            plan = self.lab.plan({**FILES, "0002_two.sql": "select 'changed';\n"}, db)
        return db, plan

    def next_run(self, plan, applied, effects, db):
        """What the next run applies, and what is in the database then."""
        self.applies(applied, plan=plan, event=self.lab.event())
        self.assertEqual(self.effects(db), effects)


class Actions(ResolveCase):
    """Each action from each state."""

    def test_applied(self):
        for state in ("pending", "failed", "unknown", "skipped"):
            with self.subTest(state):
                db, plan = self.in_state(state)
                self.settled(plan, IDS[1], "applied", state, "applied")
                row = self.lab.migrations(db)[IDS[1]]
                self.assertTrue(row["checksum"].startswith("sha256:"))
                self.assertEqual((row["error"], row["attempting"]), (None, None))
                self.next_run(plan, IDS[2:], "3", db)
        for state in ("applied", "changed"):
            with self.subTest(state):
                _, plan = self.in_state(state)
                self.refused(plan, IDS[1], "applied", "applied already", "--accept")

    def test_skip(self):
        for state in ("pending", "failed", "unknown"):
            with self.subTest(state):
                db, plan = self.in_state(state)
                self.settled(plan, IDS[1], "skip", state, "skipped")
                self.assertEqual(self.lab.migrations(db)[IDS[1]]["applied_at"], None)
                self.next_run(plan, IDS[2:], "3", db)
                self.assertEqual(self.states(db)[IDS[1]], "skipped")
        for state in ("applied", "changed", "skipped"):
            with self.subTest(state):
                _, plan = self.in_state(state)
                self.refused(plan, IDS[1], "skip", "already")

    def test_retry(self):
        for state in ("failed", "unknown", "skipped"):
            with self.subTest(state):
                db, plan = self.in_state(state)
                self.settled(plan, IDS[1], "retry", state, "failed")
                self.next_run(plan, IDS[1:], "2,3", db)
        for state, words in (("pending", ("pending",)), ("applied", ("new migration",)),
                             ("changed", ("new migration",))):
            with self.subTest(state):
                _, plan = self.in_state(state)
                self.refused(plan, IDS[1], "retry", *words)

    def test_accept(self):
        db, plan = self.in_state("changed")
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 6, "conflict")
        self.settled(plan, IDS[1], "accept", "changed", "applied")
        self.next_run(plan, IDS[2:], "2,3", db)
        for state in ("pending", "failed", "unknown", "skipped", "applied"):
            with self.subTest(state):
                _, plan = self.in_state(state)
                self.refused(plan, IDS[1], "accept")

    def test_goes_on_behind_the_statements_done(self):
        db = self.lab.database()
        files = {"0001_effects.sql": "create table effects (n int);\n"
                                     "create procedure slow() language plpgsql as $$ begin "
                                     "insert into effects values (2); commit; "
                                     "perform pg_sleep(9); end $$;\n",
                 "0002_alone.sql": "insert into effects values (1);\ncall slow();\n"
                                   "insert into effects values (3);\n"}
        plan = self.lab.plan(files, db, migrations=[
            "0001_effects.sql", {"file": "0002_alone.sql", "transaction": "no"}])
        process = self.lab.start_run("run", plan=plan, event=self.lab.event())
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep'", "1")
        process.kill()
        process.communicate()
        # It waits for what the server still does for the run that was killed.
        self.settled(plan, "0002_alone", "retry", "unknown", "failed")
        self.assertEqual(self.lab.value("select count(*) from pg_stat_activity where datname = "
                                        "current_database() and wait_event = 'PgSleep'", db), "0")
        self.assertEqual(self.lab.migrations(db)["0002_alone"]["statements_done"], 1)
        self.applies(["0002_alone"], plan=plan, event=self.lab.event())
        self.assertEqual(self.effects(db), "1,2,2,3")

    def test_a_command(self):
        db = self.lab.database()
        plan = self.lab.plan({"0001_effects.sql": FILES["0001_effects.sql"]}, db, migrations=[
            "0001_effects.sql", {"id": "seed", "command": ["true"]},
            {"id": "cache", "command": ["true"], "when": "every"}])
        self.ends(self.lab.run("run", "--to", IDS[0], plan=plan, event=self.lab.event()),
                  0, "applied")
        self.set_row(db, "seed", "'started', 'command', run_id, 0")
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 6, "conflict")
        self.settled(plan, "seed", "retry", "unknown", "failed")
        self.applies(["seed"], plan=plan, event=self.lab.event())
        for action in ("applied", "retry", "skip", "accept"):
            self.refused(plan, "cache", action, "each run")

    def test_a_database_without_a_ledger(self):
        db = self.lab.database()
        self.lab.psql("create table effects (n int); alter table effects owner to orders_owner",
                      db)
        plan = self.lab.plan(FILES, db, database={"role": "orders_owner"})
        self.settled(plan, IDS[0], "applied", "pending", "applied")
        self.next_run(plan, IDS[1:], "2,3", db)

    def test_what_stands_in_the_way_then(self):
        _, plan = self.in_state("pending")
        document = self.settled(plan, IDS[2], "applied", "pending", "applied")
        self.assertEqual(document["refusal"]["kind"], "conflict")
        self.assertIn(IDS[1], document["refusal"]["message"])


class Calls(ResolveCase):
    """Command line, record, and who else is there."""

    def test_it_is_on_record(self):
        db, plan = self.in_state("unknown")
        run = self.lab.run("resolve", IDS[1], "--applied", "--reason", "done by hand", "--by",
                           "on call", plan=plan, env={"POSTLUDE_EVENT": self.lab.event()})
        self.assertEqual(run.code, 0, run)
        row = self.lab.runs(db)[-1]
        self.assertEqual((row["run_id"], row["trigger"], row["reason"], row["operator"],
                          row["outcome"]),
                         (run.report["run_id"], "manual", "done by hand", "on call", "nothing"))
        for word in (IDS[1], "unknown", "applied"):
            self.assertIn(word, row["report"]["note"])
        self.assertEqual(row["report"]["pending"], IDS[2:])
        self.assertEqual(self.lab.migrations(db)[IDS[1]]["run_id"], row["run_id"])
        self.assertEqual(self.lab.value("select count(*) from postlude.plan where owner is not "
                                        "null", db), "0", "the plan is given back")

    def test_wrong_calls(self):
        db, plan = self.in_state("unknown")
        before = self.lab.fingerprint(db)
        for words, part in ((("resolve",), "resolve ID"),
                            (("resolve", IDS[1], *WHY), "--applied, --retry"),
                            (("resolve", IDS[1], "--skip", "--retry", *WHY), "several"),
                            (("resolve", IDS[1], "--skip"), "reason"),
                            (("resolve", IDS[1], "--skip", "--reason", ""), "reason"),
                            (("resolve", IDS[1], IDS[2], "--skip", *WHY), "unexpected"),
                            (("resolve", "0002_tow", "--skip", *WHY), "0002_two"),
                            (("status", "--skip"), "no option"),
                            (("run", IDS[1]), "unexpected")):
            with self.subTest(words):
                run = self.lab.run(*words, plan=plan)
                self.assertEqual(run.code, 2, run)
                self.assertIn(part, run.error["message"] + run.error["hint"], run)
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_for_people(self):
        _, plan = self.in_state("unknown")
        run = self.lab.run("resolve", IDS[1], "--retry", *WHY, plan=plan, as_json=False)
        self.assertEqual(run.code, 0, run)
        self.assertIn("which was unknown", " ".join(run.out.split()))
        for line in run.out.splitlines():
            self.assertLessEqual(len(line), 80)
        run = self.lab.run("resolve", IDS[0], "--retry", *WHY, plan=plan, as_json=False)
        self.assertEqual((run.code, run.out), (2, ""), run)
        self.assertIn("applied already", run.err)

    def test_two_at_once(self):
        db, plan = self.in_state("unknown")
        words = ("resolve", IDS[1], "--applied", *WHY, "--json")
        runs = [self.lab.finish(process) for process in
                [self.lab.start_run(*words, plan=plan) for _ in range(3)]]
        self.assertEqual(sorted(run.code for run in runs), [0, 2, 2], "\n".join(map(str, runs)))
        self.assertEqual(self.states(db)[IDS[1]], "applied")

    def test_while_a_run_is_at_work(self):
        db = self.lab.database()
        files = {**FILES, "0002_two.sql": "select pg_sleep(3);\n"}
        plan = self.lab.plan(files, db, run={"lock_wait": "1s"})
        process = self.lab.start_run("run", "--json", plan=plan, event=self.lab.event())
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep'", "1")
        run = self.resolve(plan, IDS[1], "skip")
        self.assertEqual((run.code, run.error["kind"]), (5, "busy"), run)
        self.ends(self.lab.finish(process), 0, "applied")
        self.assertEqual(self.states(db)[IDS[1]], "applied")

    def test_a_read_only_login(self):
        db, _ = self.in_state("unknown")
        self.lab.psql("grant usage on schema postlude to app; "
                      "grant select on all tables in schema postlude to app", db)
        plan = self.lab.plan(FILES, db, database={"user": "app", "password": "${APP_PASSWORD}"})
        before = self.lab.fingerprint(db)
        run = self.resolve(plan, IDS[1], "skip",
                           env={"APP_PASSWORD": self.lab.passwords["app"]})
        self.assertEqual((run.code, run.error["kind"]), (4, "unreachable"), run)
        self.assertIn("permission denied", run.error["message"])
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_behind_a_pool_of_two(self):
        db = self.lab.database(pool_size=2)
        self.applies(ORDER_IDS[:1], plan=self.lab.plan({ORDER_IDS[0] + ".sql": ORDERS[
            ORDER_IDS[0] + ".sql"]}, db), event=self.lab.event())
        self.set_row(db, ORDER_IDS[1], "'started', 'alone', run_id, 0")
        self.settled(self.lab.plan(ORDERS, db), ORDER_IDS[1], "skip", "unknown", "skipped")


if __name__ == "__main__":
    main()
