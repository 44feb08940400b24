"""Steps that are programs: limits of time, being told to stop, being killed, lost connections."""

import os
import signal
import time

from case import main, setUpModule  # noqa: F401
from command_case import HOLDS, CommandCase, sh


class InTime(CommandCase):
    """Limits, being told to stop, being killed."""

    def test_timeout_ends_the_whole_group(self):
        db = self.lab.database()
        mark = self.mark()
        text = f"trap '' TERM; (trap '' TERM; sleep 300) & echo $! > {mark}; sleep 300"
        began = time.monotonic()
        report = self.ends(self.deploy(self.plan(db, sh(text, timeout="1s"))), 1, "failed")
        self.assertLess(time.monotonic() - began, 20)
        self.assertIn("timeout", report["error"]["message"])
        self.assertEqual((report["error"]["left"], self.row(db)["state"]), ("command", "failed"))
        self.nobody_at(mark)

    def test_told_to_stop(self):
        for trap in ("", "trap '' TERM; "):
            with self.subTest(trap):
                db = self.lab.database()
                mark = self.mark()
                plan = self.plan(db, sh(f"{trap}echo $$ > {mark}; sleep 300 & wait; sleep 300"))
                process = self.lab.start_run("run", "--json", plan=plan, event=self.lab.event())
                self.started(mark)
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                report = self.ends(self.lab.finish(process), 7, "interrupted")
                self.assertLess(time.monotonic() - began, 25)
                self.assertEqual(report["error"]["left"], "command")
                self.assertEqual(self.row(db)["state"], "failed")
                self.assertEqual(self.lab.runs(db)[-1]["outcome"], "interrupted")
                self.nobody_at(mark)
                self.applies(["seed"], plan=self.plan(db, sh("true")), event=self.lab.event())

    def test_no_time_is_left_for_it(self):
        db = self.lab.database()
        mark = self.mark()
        plan = self.plan(db, sh(f"echo 1 > {mark}", timeout="10m"), run={"deadline": "30s"})
        report = self.ends(self.deploy(plan), 7, "interrupted")
        self.assertIn("was not started", report["error"]["message"])
        self.assertIn("run.deadline", report["error"]["hint"])
        self.assertFalse(os.path.exists(mark))
        self.assertNotIn("seed", self.lab.migrations(db))
        self.assertEqual([step["id"] for step in report["applied"]], ["0001_effects"])

    def test_the_deadline_ends_it(self):
        db = self.lab.database()
        report = self.ends(self.deploy(self.plan(db, sh("sleep 60"), run={"deadline": "3s"})),
                           7, "interrupted")
        self.assertIn("time allowed", report["error"]["message"])
        self.assertEqual(self.row(db)["state"], "failed")

    def cut_off(self, step):
        """A run killed while the step runs; its plan's database."""
        db = self.lab.database()
        mark = self.mark()
        step = {**step, "command": ["sh", "-c", f"{step['command'][2]}; echo $$ > {mark}; "
                                                "exec sleep 300"]}
        process = self.lab.start_run("run", plan=self.plan(db, step), event=self.lab.event())
        self.started(mark)
        process.kill()
        process.communicate()
        self.nobody_at(mark)
        return db

    def test_killed_while_it_runs(self):
        db = self.cut_off(sh("true"))
        plan = self.plan(db, sh(self.insert()))
        for _ in range(2):
            run = self.deploy(plan)
            error = self.ends(run, 6, "conflict")["error"]
            self.assertEqual((error["migration"], error["left"]), ("seed", "unknown"))
            self.assertIn("postlude resolve seed", error["hint"])
        self.assertEqual((self.effects(db), self.row(db)["state"]), ("", "started"))
        text = self.lab.run("run", "--log", "text", plan=plan, event=self.lab.event(),
                            as_json=False)
        self.assertIn("postlude resolve seed --retry", text.out)
        self.assertEqual(self.lab.runs(db)[0]["outcome"], "lost")

    def test_killed_and_verify_decides(self):
        made = [(self.cut_off(sh(text, verify=HOLDS)), effects)
                for text, effects in ((self.insert(), "1"), ("true", "2"))]
        for db, effects in made:
            with self.subTest(effects=effects):
                self.applies(["seed"], plan=self.plan(db, sh(self.insert(2), verify=HOLDS)),
                             event=self.lab.event())
                self.assertEqual(self.effects(db), effects)

    def test_what_the_server_does_for_it_ends_with_it(self):
        db = self.lab.database()
        sql = "insert into effects select 1 from pg_sleep(60)"
        for port in (self.lab.pooler, self.lab.direct):
            run = self.deploy(self.plan(db, sh(f"exec {self.psql_program()} -c '{sql}'",
                                               timeout="1s")), port=port)
            self.ends(run, 1, "failed")
            self.lab.wait_for(db, "select count(*) from pg_stat_activity where wait_event = "
                                  "'PgSleep' and datname = current_database()", "0", 2)
        self.applies(["seed"], plan=self.plan(db, sh("true")), event=self.lab.event())
        self.assertEqual(self.effects(db), "")

    def test_its_end_is_recorded_though_connections_were_lost(self):
        sessions = ("select count(pg_terminate_backend(pid)) from pg_stat_activity where "
                    "application_name ~ '^postlude/' and pid <> pg_backend_pid()")
        begun = []
        for text, port in (("true", self.lab.pooler), ("exit 4", self.lab.direct)):
            db = self.lab.database()
            mark = self.mark()
            plan = self.plan(db, sh(f"echo $$ > {mark}; sleep 3; {text}", verify="select true"))
            begun.append((db, self.lab.start_run("run", "--json", plan=plan, port=port,
                                                 event=self.lab.event())))
            self.started(mark)
            self.lab.psql(sessions, db)
        for (db, process), code, state in zip(begun, (0, 1), ("applied", "failed")):
            run = self.lab.finish(process)
            self.assertEqual((run.code, self.row(db)["state"]), (code, state), run)


if __name__ == "__main__":
    main()
