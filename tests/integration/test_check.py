"""`postlude check`: whether the database is at the plan, now or within --wait."""

import json
import secrets
import signal
import time

from case import ORDERS, ORDER_IDS, REPORT_KEYS, LabCase, main, setUpModule  # noqa: F401
from lab import dead_port

FIRST = {"0001_create_orders.sql": ORDERS["0001_create_orders.sql"]}
READER = {"user": "gate", "password": "${GATE}"}
RUN = "01a20499-42c8-7f32-8ec1-b4538aec6000"


class Check(LabCase):
    """One look, or many."""

    @classmethod
    def setUpClass(cls):
        cls.lab.role("gate", secrets.token_urlsafe(18))

    def checks(self, code, outcome, *args, **how):
        """Asserts how a check ended, and that every key is there; returns its document."""
        run = self.lab.run("check", *args, **how)
        return self.said(run, code, outcome)

    def said(self, run, code, outcome):
        report = self.ends(run, code, outcome)
        self.assertEqual(set(report) - REPORT_KEYS, {
            "dry_run", "unknown", "note", "every", "late", "running", "last_failure"}, run)
        self.assertEqual(report["applied"], [])
        return report

    def shown(self, code, *args, **how):
        """The text, blanks made one; no line is too long."""
        run = self.lab.run("check", *args, as_json=False, **how)
        self.assertEqual(run.code, code, run)
        for line in run.out.splitlines():
            self.assertLessEqual(len(line), 80, run)
        return " ".join(run.out.split())

    def waiting(self, *args, wait="30s", **how):
        """A check that has looked once, and waits."""
        process = self.lab.start_run("check", "--json", "--wait", wait, *args, **how)
        line = process.stderr.readline().decode()
        self.assertIn("looking again for", line)
        return process

    def test_at_the_plan(self):
        db, plan = self.deployed()
        before = self.lab.fingerprint(db)
        report = self.checks(0, "nothing", plan=plan)
        self.assertEqual((report["pending"], report["already_applied"]), ([], 3))
        self.assertIsNone(report["error"])
        self.assertIn("nothing to do, 3 already applied", self.shown(0, plan=plan))
        self.checks(0, "nothing", "--wait", "20s", plan=plan)
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_pending(self):
        db, plan = self.deployed(FIRST)
        plan = self.lab.plan(ORDERS, db)
        before = self.lab.fingerprint(db)
        report = self.checks(9, "pending", plan=plan)
        self.assertEqual(report["pending"], ORDER_IDS[1:])
        self.assertEqual(report["error"]["message"],
                         "2 migrations are pending: 0002_index_orders, 0003_add_note")
        self.assertIn("--wait", report["error"]["hint"])
        self.assertIsNone(report["running"])
        self.assertIsNone(report["last_failure"])
        text = self.shown(9, plan=plan)
        self.assertIn("orders: PENDING, 2 migrations not applied", text)
        self.assertIn("Not applied: 0002_index_orders, 0003_add_note", text)
        self.assertIn("What to do: \"postlude run\" applies them", text)
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_no_ledger(self):
        db = self.lab.database()
        before = self.lab.fingerprint(db)
        plan = self.lab.plan(ORDERS, db)
        self.assertEqual(self.checks(9, "pending", plan=plan)["pending"], ORDER_IDS)
        self.assertEqual(self.lab.fingerprint(db), before)
        empty = self.lab.plan({}, db, migrations=[
            {"id": "cache", "command": ["true"], "when": "every"}])
        self.checks(0, "nothing", plan=empty)

    def test_what_runs_in_each_run_is_never_pending(self):
        db, _ = self.deployed()
        plan = self.lab.plan(ORDERS, db, migrations=[
            {"id": "cache", "command": ["true"], "when": "every"}, *ORDERS])
        self.checks(0, "nothing", plan=plan)

    def test_an_older_image(self):
        db, _ = self.deployed()
        report = self.checks(0, "nothing", plan=self.lab.plan(FIRST, db))
        self.assertEqual(report["unknown"], ORDER_IDS[1:])
        self.assertIn("older image", report["note"])
        self.assertIn("older image", self.shown(0, plan=self.lab.plan(FIRST, db)))

    def test_conflict(self):
        db, _ = self.deployed()
        changed = dict(ORDERS, **{"0001_create_orders.sql": "create table orders ();\n"})
        for args in ((), ("--wait", "60s")):  # waiting mends nothing
            report = self.checks(6, "conflict", *args, plan=self.lab.plan(changed, db))
            self.assertIn("0001_create_orders", report["error"]["message"])
        parted = {**FIRST, "0009_other.sql": "select 1;\n"}
        self.checks(6, "conflict", plan=self.lab.plan(parted, db))

    def test_a_command_that_was_cut_off(self):
        db, _ = self.deployed()
        plan = self.lab.plan(ORDERS, db, migrations=[
            *ORDERS, {"id": "seed", "command": ["true"]}])
        self.lab.psql("insert into postlude.migration (plan, id, state, kind, attempting, run_id) "
                      f"values ('orders', 'seed', 'started', 'command', 0, '{RUN}')", db)
        report = self.checks(6, "conflict", "--wait", "60s", plan=plan)
        self.assertIn("postlude resolve seed", report["error"]["hint"])
        self.lab.psql(f"update postlude.plan set owner = '{RUN}', owned_since = now()", db)
        report = self.checks(9, "pending", plan=plan)
        self.assertEqual(report["running"]["run_id"], RUN)
        self.assertIn("no session of it is to be seen", report["error"]["message"])
        self.assertIn("was killed", report["error"]["hint"])

    def test_says_who_is_at_work(self):
        db, _ = self.deployed(FIRST)
        plan = self.lab.plan({**FIRST, "0002_slow.sql": "select pg_sleep(60);\n"}, db)
        event = json.loads(self.lab.event())
        process = self.lab.start_run("run", "--json", plan=plan, event=json.dumps(event))
        self.lab.wait_for(db, "select count(*) from postlude.plan where owner is not null", "1")
        report = self.checks(9, "pending", plan=plan)
        execution = event["detail"]["execution-id"]
        self.assertEqual(report["running"]["execution_id"], execution)
        self.assertIn(f"run {report['running']['run_id']} (codepipeline orders-prod, execution "
                      f"{execution}) is at work since 20", report["error"]["message"])
        self.assertIn("A run is at work", report["error"]["hint"])
        self.assertNotIn("no session", report["error"]["message"])
        self.assertIn("is at work since", self.shown(9, plan=plan))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.lab.finish(process).code, 7)

    def test_the_last_run_failed(self):
        db, _ = self.deployed(FIRST)
        wrong = {**FIRST, "0002_wrong.sql": "select nowhere;\n"}
        plan = self.lab.plan(wrong, db)
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 1, "failed")
        report = self.checks(9, "pending", plan=plan)
        failure = report["last_failure"]
        self.assertEqual([failure[key] for key in ("outcome", "migration", "sqlstate")],
                         ["failed", "0002_wrong", "42703"])
        self.assertRegex(report["error"]["message"],
                         r'ended "failed" at 20[^ ]*: 0002_wrong: column .* \(SQLSTATE 42703\)')
        self.assertIn('ended "failed"', self.shown(9, plan=plan))
        # A run that ends well after it is the last one.
        self.ends(self.lab.run("run", plan=self.lab.plan(FIRST, db), event=self.lab.event()),
                  0, "nothing")
        self.assertIsNone(self.checks(9, "pending", plan=plan)["last_failure"])

    def test_waits_on_after_a_failed_run(self):
        db, _ = self.deployed(FIRST)
        wrong = self.lab.plan({**FIRST, "0002_b.sql": "select nowhere;\n"}, db)
        right = self.lab.plan({**FIRST, "0002_b.sql": "select 1;\n"}, db)
        process = self.waiting(plan=right)
        self.ends(self.lab.run("run", plan=wrong, event=self.lab.event()), 1, "failed")
        time.sleep(1.5)
        self.assertIsNone(process.poll())
        self.ends(self.lab.run("run", plan=right, event=self.lab.event()), 0, "applied")
        run = self.lab.finish(process)
        self.said(run, 0, "nothing")
        self.assertIn("1 migration is pending: 0002_b; the last run, ", run.err)
        self.assertIn("SQLSTATE 42703", run.err)

    def test_waits_until_a_run_has_applied_it(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        process = self.waiting(plan=plan)
        self.applies(ORDER_IDS, plan=plan, event=self.lab.event())
        self.assertEqual(self.said(self.lab.finish(process), 0, "nothing")["already_applied"], 3)
        self.assertEqual(len(self.lab.runs(db)), 1)

    def test_time_out(self):
        plan = self.lab.plan(ORDERS, self.lab.database())
        began = time.monotonic()
        report = self.checks(9, "pending", plan=plan, env={"POSTLUDE_WAIT": "2s"})
        self.assertTrue(2 <= time.monotonic() - began < 6)
        self.assertIn("after 2.0 s of waiting: 3 migrations are pending",
                      report["error"]["message"])
        self.assertIn("pipeline's own SUCCEEDED it waits for itself", report["error"]["hint"])
        text = self.shown(9, "--wait", "1s", plan=plan)
        self.assertIn("With the pipeline's own SUCCEEDED it waits for itself: the deployment waits "
                      "for this check", text)

    def test_not_a_duration(self):
        plan = self.lab.plan(ORDERS, "nowhere")
        for wait in ("5", "five", "-1s", "1d2h", ""):
            report = self.checks(2, "invalid", f"--wait={wait}", plan=plan)
            self.assertIn("POSTLUDE_WAIT", report["error"]["message"])
        self.assertIn("5m", report["error"]["hint"])

    def test_a_database_that_comes_up_meanwhile(self):
        db, _ = self.deployed()
        plan = self.lab.plan(ORDERS, db)
        self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                      f"where datname = '{db}'")
        self.lab.psql(f"alter database {db} rename to {db}_away")
        process = self.waiting(plan=plan, port=self.lab.direct)
        time.sleep(1)
        self.assertIsNone(process.poll())
        self.lab.psql(f"alter database {db}_away rename to {db}")
        self.said(self.lab.finish(process), 0, "nothing")

    def test_a_database_that_does_not(self):
        plan = self.lab.plan(ORDERS, "orders", database={"wait": "60s"})
        run = self.lab.run("check", "--wait", "2s", plan=plan, port=dead_port())
        report = self.said(run, 4, "unreachable")
        self.assertIn("after 2.0 s of waiting", report["error"]["message"])
        self.assertNotIn("trying again for", run.err)  # as database.wait would have it
        plan = self.lab.plan(ORDERS, "orders")
        self.checks(4, "unreachable", plan=plan, port=dead_port())

    def test_a_server_that_never_answers(self):
        db, plan = self.deployed()
        plan = self.lab.plan(ORDERS, db, database={"connect_timeout": "1s"})
        with self.lab.session(db, "begin; lock postlude.migration; select pg_sleep(60);"):
            report = self.checks(4, "unreachable", "--wait", "1s", plan=plan)
        self.assertIn("gave no answer within", report["error"]["message"])

    def test_told_to_stop(self):
        plan = self.lab.plan(ORDERS, self.lab.database())
        process = self.waiting(plan=plan, wait="5m")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        report = self.said(self.lab.finish(process), 7, "interrupted")
        self.assertLess(time.monotonic() - began, 5)
        self.assertIn("3 migrations are pending", report["error"]["message"])

    def test_told_to_stop_in_the_middle_of_a_look(self):
        db, plan = self.deployed()
        with self.lab.session(db, "begin; lock postlude.migration; select pg_sleep(60);"):
            for args in ((), ("--wait", "5m")):
                process = self.lab.start_run("check", "--json", *args, plan=plan)
                self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                                      "current_database() and wait_event_type = 'Lock'", "1")
                process.send_signal(signal.SIGTERM)
                self.said(self.lab.finish(process), 7, "interrupted")

    def test_no_connection_is_left_between_looks(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        process = self.waiting(plan=plan, port=self.lab.direct)
        seen = []
        for _ in range(80):
            seen.append(int(self.lab.value(
                "select count(*) from pg_stat_activity where application_name like 'postlude/%' "
                f"and datname = '{db}'")))
            time.sleep(0.05)
        self.assertIsNone(process.poll())
        self.assertGreater(seen.count(0), 40, seen)
        self.assertLessEqual(max(seen), 1)
        process.send_signal(signal.SIGTERM)
        self.said(self.lab.finish(process), 7, "interrupted")

    # Rights ----------------------------------------------------------------------------------

    def reading(self, db, files=None):
        """How a role that only reads checks."""
        return {"plan": self.lab.plan(ORDERS if files is None else files, db, database=READER),
                "env": {"GATE": self.lab.passwords["gate"]}}

    def test_a_role_that_only_reads(self):
        db, _ = self.deployed(FIRST)
        denied = self.checks(4, "unreachable", "--wait", "60s", **self.reading(db))["error"]
        self.assertIn("may not read the ledger", denied["message"])
        for grant in denied["hint"].split(": ", 1)[1].split(";"):
            self.lab.psql(f"set role migrator; {grant}", db)
        self.assertEqual(self.checks(9, "pending", **self.reading(db))["pending"], ORDER_IDS[1:])
        self.checks(0, "nothing", **self.reading(db, FIRST))
        status = self.lab.run("status", **self.reading(db))
        self.assertEqual(status.code, 0, status)

    def test_rights_given_before_the_first_run(self):
        db = self.lab.database()
        self.lab.psql(
            "alter default privileges for role migrator grant usage on schemas to gate; "
            "alter default privileges for role migrator grant select on tables to gate", db)
        process = self.waiting(**self.reading(db))
        self.applies(ORDER_IDS, plan=self.lab.plan(ORDERS, db, database={"role": "orders_owner"}),
                     event=self.lab.event())
        self.said(self.lab.finish(process), 0, "nothing")
        self.assertIn("permission denied", self.lab.psql_error(
            "select * from orders", db=db, user="gate"))

    def test_a_login_that_changes_meanwhile(self):
        password = secrets.token_urlsafe(18)
        self.lab.role("changing", password)
        plan = self.lab.plan(ORDERS, self.lab.database(), database={
            "user": "changing", "password": "${CHANGING}"})
        process = self.waiting(plan=plan, port=self.lab.direct, env={"CHANGING": password})
        self.lab.psql("alter role changing password 'another'")
        report = self.said(self.lab.finish(process), 4, "unreachable")
        self.assertIn("password authentication failed", report["error"]["message"])


if __name__ == "__main__":
    main()
