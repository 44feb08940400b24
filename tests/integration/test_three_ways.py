"""The three ways to start migrations, from the outside, on a real database: inside a stack (a
custom resource), as a step of the pipeline (a build), and after it (a rule and a schedule).

What each exit code and each event comes to is other files'; here it is who is told, what stays in
the database, and how it goes on, where a migration fails and where the task never starts.
"""

import signal
import uuid

from aws_case import setUpModule  # noqa: F401
from case import ORDERS, LabCase, main
from lab import dead_port
from provider_case import FunctionCase
from stop_case import ASLEEP, SLOW
from watch import Watch

FIRST = dict(list(ORDERS.items())[:1])
BROKEN = {**ORDERS, "0004_broken.sql": "insert into orders values (2, 1);\nselect 1/0;\n",
          "0005_after.sql": "create table after (a int);\n"}
MENDED = {**BROKEN, "0004_broken.sql": "insert into orders values (2, 1);\n"}


class WayCase(LabCase):
    """A database, images that bring plans, and the tasks started of them."""

    def setUp(self):
        self.aws = self.lab.aws
        self.aws.clear()
        self.ecs = self.aws.ecs
        self.ecs.lab = self.lab
        self.db = self.lab.database()

    def image(self, files, environment=(), **changes):
        """A revision of the task definition whose image has these files."""
        plan = self.lab.plan(files, self.db, **changes)
        return self.ecs.register("orders-migrate", {
            "postlude": {"environment": {"POSTLUDE_PLAN": plan, "POSTLUDE_LOG": "json",
                                         **dict(environment)}},
            "forwarder": {}})

    def reported(self):
        """The outcomes that the topic was told of."""
        return [message["attributes"]["outcome"][1] for message in self.aws.messages()]

    def task_ends(self, code, outcome):
        """Asserts how the newest task ended; its report."""
        return self.ends(self.ecs.tasks[-1].wait(), code, outcome)


class Stack(WayCase, FunctionCase):
    """Way 1: a custom resource. The stack waits, and is answered by postlude or by the function."""

    def setUp(self):
        super().setUp()
        self.url = self.aws.response_url()
        self.revision = self.image(ORDERS)
        self.start = self.function()

    def answers_in(self, revision, code, outcome, kind="Update", **changes):
        """A request whose task ends so; (request, report)."""
        self.aws.cloudformation.forget()
        self.revision = revision
        request = self.request(kind, **changes)
        done = self.start.invoke(request)
        self.assertIsNone(done.error, done)
        return request, self.task_ends(code, outcome)

    def watch(self):
        """EventBridge tells the function of the newest task's end."""
        self.ecs.tasks[-1].wait()
        done = self.start.invoke(self.ecs.tasks[-1].event())
        self.assertIsNone(done.error, done)
        return done

    def test_create_and_delete(self):
        request, report = self.answers_in(self.revision, 0, "applied", "Create")
        body = self.told(request, "SUCCESS", made="postlude-orders")
        self.assertEqual((body["Data"]["RunId"], body["Data"]["Applied"]),
                         (report["run_id"], "3"))
        self.assertEqual(self.reported(), ["applied"])
        self.watch()
        self.told(request, "SUCCESS", made="postlude-orders")
        before, count = self.lab.fingerprint(self.db), len(self.ecs.tasks)
        self.aws.clear()
        request = self.request("Delete")
        self.start.invoke(request)
        self.told(request, "SUCCESS")
        self.assertEqual((self.lab.fingerprint(self.db), len(self.ecs.tasks)), (before, count))

    def test_create_with_a_failing_migration(self):
        request, _ = self.answers_in(self.image(BROKEN), 1, "failed", "Create")
        body = self.told(request, "FAILED", "0004_broken", "division by zero",
                         made="postlude-orders")
        self.assertEqual((body["Data"]["Applied"], body["Data"]["Pending"]), ("3", "2"))
        # What stands before it stays; it is rolled back itself, and nothing after it was started.
        self.assertEqual(self.tables(self.db), {"orders"})
        self.assertEqual(self.lab.value("select count(*) from orders", self.db), "1")
        self.assertEqual(self.reported(), ["failed"])
        # The stack deletes what could not be created: nothing is taken back.
        count = len(self.ecs.tasks)
        self.aws.clear()
        request = self.request("Delete")
        self.start.invoke(request)
        self.told(request, "SUCCESS")
        self.assertEqual((len(self.ecs.tasks), self.tables(self.db)), (count, {"orders"}))

    def test_update_that_fails_and_its_rollback(self):
        old = self.image(FIRST)
        self.answers_in(old, 0, "applied", "Create")
        request, _ = self.answers_in(self.image(BROKEN), 1, "failed",
                                     OldResourceProperties={"TaskDefinition": old})
        self.told(request, "FAILED", "0004_broken")
        before = self.lab.fingerprint(self.db, ledger=False)
        # The old properties name the old revision, which knows less than the database has.
        request, report = self.answers_in(old, 0, "nothing")
        self.told(request, "SUCCESS")
        self.assertEqual(len(report["unknown"]), 2)
        self.assertEqual(self.lab.fingerprint(self.db, ledger=False), before)
        # And the next deploy mends it.
        request, report = self.answers_in(self.image(MENDED), 0, "applied")
        self.told(request, "SUCCESS")
        self.assertEqual([one["id"] for one in report["applied"]], ["0004_broken", "0005_after"])

    def test_asked_twice(self):
        count = len(self.ecs.tasks)
        request = self.request()
        for _ in "ab":
            self.assertIsNone(self.start.invoke(request).error)
        self.assertEqual(len(self.ecs.tasks), count + 1)
        self.task_ends(0, "applied")
        self.told(request, "SUCCESS", made="postlude-orders")
        self.assertEqual(len(self.lab.runs(self.db)), 1)

    def test_large_properties(self):
        request, _ = self.answers_in(self.revision, 0, "applied", "Create", ResourceProperties={
            "TaskDefinition": self.revision, "Files": ["x" * 1000] * 100})
        self.told(request, "SUCCESS", made="postlude-orders")

    def test_not_allowed_to_start(self):
        self.aws.deny("ecs:RunTask")
        request = self.request()
        self.start.invoke(request)
        self.told(request, "FAILED", "ecs:RunTask", "Allow the function's role")
        self.assertFalse(self.lab.has_ledger(self.db))

    def test_room_after_a_while(self):
        self.ecs.refuse(3)
        request, _ = self.answers_in(self.revision, 0, "applied", "Create")
        self.told(request, "SUCCESS", made="postlude-orders")

    def test_a_task_that_never_starts(self):
        self.ecs.lose_image()
        request = self.request()
        self.start.invoke(request)
        self.untold()
        self.watch()
        self.told(request, "FAILED", "never started", "CannotPullContainerError")
        self.assertFalse(self.lab.has_ledger(self.db))
        self.assertEqual(self.reported(), [])  # nobody ran who could

    def test_killed(self):
        self.revision = self.image(SLOW)
        request = self.request()
        self.start.invoke(request)
        self.lab.wait_for(self.db, ASLEEP, "1")
        self.ecs.tasks[-1].kill("OutOfMemoryError: Container killed due to memory usage")
        self.ecs.tasks[-1].wait()
        self.untold()
        self.watch()
        self.told(request, "FAILED", "exit code 137", "OutOfMemoryError", "more memory")
        self.assertEqual(self.tables(self.db), {"first"})

    def test_a_task_that_cannot_answer(self):
        # As in a subnet without a way to S3: the function has one.
        for files, code, outcome, status in ((ORDERS, 8, "applied", "SUCCESS"),
                                             (BROKEN, 1, "failed", "FAILED")):
            with self.subTest(status):
                self.aws.fail("AccessDenied", where="cloudformation")
                request, _ = self.answers_in(self.image(files), code, outcome, "Create")
                self.assertEqual(self.aws.answers(), [])
                self.watch()
                self.told(request, status, f"exit code {code}")


class Step(WayCase):
    """Way 2: a build between two stages, whose exit code stops the pipeline."""

    def build(self, files, env=None, **changes):
        """The command of the build, which has no task around it."""
        plan = self.lab.plan(files, self.db, **changes)
        topic = {"POSTLUDE_REPORT_TOPIC": self.aws.arn("orders")}
        return self.lab.run("run", "--reason", "orders-prod 5b1c7e0a", "--by", "codebuild",
                            plan=plan, env={**topic, **(env or {})})

    def stops(self, code, outcome, run):
        """Asserts that the stage stops, and that the topic and the ledger say why."""
        report = self.ends(run, code, outcome)
        self.assertNotEqual(run.code, 0)
        self.assertEqual(self.reported(), [outcome])
        return report

    def test_well_and_nothing_left(self):
        report = self.ends(self.build(ORDERS), 0, "applied")
        self.assertEqual((report["trigger"]["by"], report["trigger"]["reason"]),
                         ("codebuild", "orders-prod 5b1c7e0a"))
        self.assertEqual(self.reported(), ["applied"])
        # The stage is tried again: nothing is left to do, and nobody is told.
        self.ends(self.build(ORDERS), 0, "nothing")
        self.assertEqual(self.reported(), ["applied"])

    def test_a_failing_migration(self):
        report = self.stops(1, "failed", self.build(BROKEN))
        self.assertEqual((report["error"]["migration"], report["pending"]),
                         ("0004_broken", ["0004_broken", "0005_after"]))
        self.assertEqual(self.tables(self.db), {"orders"})
        # "Retry stage" with the mended commit goes on behind what is applied.
        report = self.ends(self.build(MENDED), 0, "applied")
        self.assertEqual([one["id"] for one in report["applied"]], ["0004_broken", "0005_after"])

    def test_a_plan_that_is_wrong(self):
        self.stops(2, "invalid", self.build({"0001_it.sql": "rollback;\n"}))

    def test_no_way_to_the_database(self):
        self.stops(4, "unreachable", self.build(ORDERS, env={"DB_PORT": str(dead_port())}))

    def test_a_login_that_is_refused(self):
        self.stops(4, "unreachable", self.build(ORDERS, env={"DB_PASSWORD": "wrong"}))

    def test_a_table_that_stays_locked(self):
        self.ends(self.build(FIRST), 0, "applied")
        self.aws.clear()
        with self.lab.session(self.db, "begin; lock orders; select pg_sleep(60);"):
            self.stops(5, "busy", self.build(ORDERS, run={"lock_timeout": "100ms", "retries": 1}))

    def test_a_changed_file(self):
        self.ends(self.build(FIRST), 0, "applied")
        self.aws.clear()
        self.stops(6, "conflict", self.build({**ORDERS, "0001_create_orders.sql": "select 1;\n"}))

    def test_a_build_that_is_stopped(self):
        watch = Watch(self.lab, self.lab.start_run(
            "run", "--json", "--reason", "orders-prod", plan=self.lab.plan(SLOW, self.db)))
        self.lab.wait_for(self.db, ASLEEP, "1")
        watch.process.send_signal(signal.SIGTERM)
        self.stops(7, "interrupted", watch.finish())
        self.assertEqual(self.tables(self.db), {"first"})


class After(WayCase):
    """Way 3: a rule on the pipeline's SUCCEEDED, and a schedule beside it."""

    @staticmethod
    def variables(**values):
        """Overrides of these variables."""
        return {"containerOverrides": [{"name": "postlude", "environment": [
            {"name": name, "value": value} for name, value in values.items()]}]}

    def succeeded(self):
        """What the rule passes of one pipeline execution."""
        return self.variables(**{f"POSTLUDE_EVENT_{name}": value for name, value in {
            "DETAIL_TYPE": "CodePipeline Pipeline Execution State Change",
            "SOURCE": "aws.codepipeline", "ID": str(uuid.uuid4()), "TIME": "2031-03-14T09:26:53Z",
            "ACCOUNT": "210987654321", "REGION": "eu-west-3", "PIPELINE": "orders-prod",
            "EXECUTION_ID": str(uuid.uuid4()), "STATE": "SUCCEEDED", "ATTEMPT": "1.0",
            "VERSION": "6.0"}.items()})

    def deliver(self, revision, event, code, outcome):
        """EventBridge starts the task; its report."""
        self.ecs.start(revision, event, "events-rule/orders")
        return self.task_ends(code, outcome)

    def test_a_failing_migration(self):
        broken, event = self.image(BROKEN), self.succeeded()
        report = self.deliver(broken, event, 1, "failed")
        self.assertEqual(self.reported(), ["failed"])
        self.assertEqual((report["trigger"]["pipeline"], report["pending"]),
                         ("orders-prod", ["0004_broken", "0005_after"]))
        self.assertEqual(self.tables(self.db), {"orders"})
        # Delivered again it is tried again; the next deploy brings the mended image.
        self.deliver(broken, event, 1, "failed")
        event = self.succeeded()
        mended = self.image(MENDED)
        report = self.deliver(mended, event, 0, "applied")
        self.assertEqual([one["id"] for one in report["applied"]], ["0004_broken", "0005_after"])
        self.assertEqual(self.reported(), ["failed", "failed", "applied"])
        before = self.lab.fingerprint(self.db)
        self.deliver(mended, event, 0, "duplicate")
        self.assertEqual(self.lab.fingerprint(self.db), before)
        self.assertEqual(self.reported(), ["failed", "failed", "applied"])

    def test_a_task_that_never_starts(self):
        revision, event = self.image(ORDERS), self.succeeded()
        self.ecs.lose_image()
        task = self.ecs.start(revision, event, "events-rule/orders")
        self.assertIsNone(task.wait())
        self.assertEqual((self.reported(), self.lab.has_ledger(self.db)), ([], False))
        # What tells of it is this event, and what makes up for it the schedule.
        container = task.event()["detail"]["containers"][0]
        self.assertEqual((container["lastStatus"], "exitCode" in container), ("STOPPED", False))
        report = self.deliver(revision, self.variables(
            POSTLUDE_SCHEDULE_ARN="arn:aws:scheduler:eu-west-3:210987654321:schedule/ops/catch-up",
            POSTLUDE_SCHEDULED_TIME="2031-03-14T10:00:00Z"), 0, "applied")
        self.assertEqual(report["trigger"]["kind"], "schedule")
        self.assertEqual(self.reported(), ["applied"])

    def test_killed(self):
        self.ecs.start(self.image(SLOW), self.succeeded(), "events-rule/orders")
        self.lab.wait_for(self.db, ASLEEP, "1")
        task = self.ecs.tasks[-1]
        task.kill()
        task.wait()
        self.assertEqual(task.event()["detail"]["containers"][0]["exitCode"], 137)
        self.assertEqual((self.reported(), self.tables(self.db)), ([], {"first"}))


if __name__ == "__main__":
    main()
