"""The deployment kit's rules and schedules, as synthesized: what EventBridge would pass for real
events is what the program takes, and nothing else starts it.
"""

import glob
import json
import os
import re
import uuid
from datetime import datetime, timezone

import case
from aws_case import share_aws_lab
from case import ORDERS, ORDER_IDS, main
from lab import Trap
from rules_case import (REPOSITORY, RulesCase, deployments, every, is_about, readme_transformer,
                        samples)

import raw_json

EXAMPLE = f"{REPOSITORY}/config/cdk/example/image"


def setUpModule():  # pylint: disable=invalid-name
    share_aws_lab(pooler=False)


class RunCase(case.LabCase, RulesCase):
    """Runs with what a container would have."""

    def trigger_of(self, start):
        """The section `trigger` of a plan that admits what a rule waits for, and nothing else."""
        trigger = {"pipelines": [start.of("pipeline")], "accounts": [start.of("account")],
                   "regions": [start.of("region")]}
        return trigger | ({"stages": [start.of("stage")]} if start.kind == "stage" else {})

    def environment(self, variables):
        """What the container gets, but for the ways to the database and the topic."""
        theirs = {name: value for name, value in variables.items()
                  if not re.match(r"DB_|SNS_|POSTLUDE_(PLAN|REPORT_TOPIC)$", name)}
        return {**theirs, **self.lab.aws.metadata_environment()}

    def variables_of(self, start, event):
        """The container's environment for an event."""
        return self.environment(start.started(event)[0])


class Starts(RunCase):
    """Rules that start the task."""

    def setUp(self):
        self.starts = every("starts")
        self.assertTrue(self.starts)

    def test_which_events_match(self):
        for start in self.starts:
            self.check_matches(start)

    def test_what_the_container_is_told(self):
        for start in self.starts:
            self.check_variables(start)

    def test_the_transformer_in_readme(self):
        start = next(start for start in self.starts if start.kind == "pipeline")
        start.target["InputTransformer"] = readme_transformer()
        self.check_variables(start)

    def run_with(self, plan, variables, **how):
        """A run with what a container would have."""
        return self.lab.run("run", plan=plan, env=variables, **how)

    def test_the_program_applies_once(self):
        for start in self.starts:
            with self.subTest(start.name):
                self.check_once(start)

    def check_once(self, start):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db, trigger=self.trigger_of(start))
        (sample,) = samples(start, f"{start.kind}_succeeded")
        run = self.run_with(plan, self.variables_of(start, sample.event))
        report = self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in report["applied"]], ORDER_IDS)
        event = sample.event
        self.assertEqual(
            [report["trigger"].get(key) for key in ("pipeline", "execution_id", "attempt",
                                                    "event_id", "account", "region")],
            [event["detail"]["pipeline"], event["detail"]["execution-id"], 1, event["id"],
             event["account"], event["region"]])
        self.assertEqual(report["trigger"]["kind"], "codepipeline" + (
            "-stage" if start.kind == "stage" else ""))
        before = self.lab.fingerprint(db)
        run = self.run_with(plan, self.variables_of(start, sample.again()))
        self.ends(run, 0, "duplicate")
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_every_event_that_is_due_is_a_run(self):
        for start in self.starts:
            db = self.lab.database()
            plan = self.lab.plan(ORDERS, db, trigger=self.trigger_of(start))
            due = [sample for sample in samples(start) if sample.due(start)]
            self.assertGreater(len(due), 1)
            for number, sample in enumerate(due):
                with self.subTest(start.name, event=sample.name):
                    self.assertEqual(sample.program[start.kind], "applied")
                    run = self.run_with(plan, self.variables_of(start, sample.event))
                    self.ends(run, 0, "nothing" if number else "applied")

    def test_the_program_itself_starts_nothing_else(self):
        trap = Trap()
        self.addCleanup(trap.close)
        for start in self.starts:
            plan = self.lab.plan(ORDERS, trigger=self.trigger_of(start))
            for sample in samples(start):
                if not sample.due(start):
                    with self.subTest(start.name, event=sample.name):
                        outcome = sample.program[start.kind]
                        run = self.run_with(plan, self.variables_of(start, sample.event),
                                            port=trap.port)
                        self.ends(run, 3 if outcome == "refused" else 0, outcome)
        self.assertEqual(trap.visitors(), 0)

    def test_a_plan_that_does_not_admit_it(self):
        for start in self.starts:
            (sample,) = samples(start, f"{start.kind}_succeeded")
            for trigger in ({"pipelines": ["elsewhere"]}, {"accounts": ["999900001111"]},
                            {"regions": ["ap-south-2"]}, {"max_age": "1h"}):
                plan = self.lab.plan(ORDERS, trigger={**self.trigger_of(start), **trigger})
                with self.subTest(start.name, trigger=trigger):
                    run = self.run_with(plan, self.variables_of(start, sample.event))
                    self.ends(run, 3, "refused")


class Example(RunCase):
    """The example's plan, in the tasks of its own templates. Only the ways to the database and the
    topic are the laboratory's."""

    def setUp(self):
        self.lab.aws.clear()
        self.starts = [start for start in deployments()[-1].starts if "Orders" in start.name]
        with open(f"{EXAMPLE}/postlude.yaml", encoding="utf-8") as stream:
            self.text = stream.read()
        self.assertIn("iam: true", self.text)

    def plan(self):
        """The plan with its migrations, and how to log in here."""
        files = {}
        for path in glob.glob(f"{EXAMPLE}/migrations/*.sql"):
            with open(path, "rb") as stream:
                files[f"migrations/{os.path.basename(path)}"] = stream.read()
        login = "password: ${DB_PASSWORD}\n  ca_file: ${DB_CA_FILE}"
        return self.lab.plan(files, text=self.text.replace("iam: true", login))

    def run_at(self, start, event, db, **detail):
        """A run by an event of now."""
        event = {**event, "detail": {**event["detail"], **detail},
                 "time": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"}
        env = self.variables_of(start, event) | {
            "DB_NAME": db, "DB_USER": "migrator", "SNS_TOPIC_ARN": self.lab.aws.arn("orders")}
        return self.lab.run("run", plan=self.plan(), env=env)

    def test_it_is_there(self):
        self.assertEqual(len(self.starts), 2)

    def test_each_stage_migrates_its_own_database(self):
        for start in self.starts:
            db = self.lab.database()
            (sample,) = samples(start, "stage_succeeded")
            with self.subTest(start.name):
                report = self.ends(self.run_at(start, sample.event, db), 0, "applied")
                self.assertEqual(len(report["applied"]), 3)
                self.assertEqual(report["trigger"]["stage"], start.of("stage"))
                self.assertIn("aws ecs run-task", report["rerun"])
                self.ends(self.run_at(start, sample.again(), db), 0, "duplicate")
                other = self.run_at(start, sample.event, db, stage="Build")
                self.ends(other, 3, "refused")
                self.assertEqual([message["attributes"]["outcome"][1]
                                  for message in self.lab.aws.messages()], ["applied", "refused"])
            self.lab.aws.clear()


class Forwards(RulesCase):
    """Rules of the pipeline's account that send its events on to the workload's."""

    def roads(self):
        """(rule that starts, rules that send on to its bus what it waits for)."""
        for deployment in deployments():
            for start in deployment.starts:
                (sample,) = samples(start, f"{start.kind}_succeeded")
                yield start, [forward for forward in deployment.forwards
                              if forward.sends_to == start.bus and forward.matches(sample.event)]

    def test_events_of_another_account_find_their_way(self):
        used = []
        for start, forwards in self.roads():
            used += [forward.name for forward in forwards]
            own = start.of("account") == start.arn.split(":")[4]
            self.assertTrue(own or forwards, f"no event finds its way to {start.name}")
        self.assertEqual(set(used), {forward.name for forward in every("forwards")})

    def test_nothing_else_is_sent(self):
        for start, forwards in self.roads():
            for sample in samples(start):
                if not sample.starts and not sample.name.startswith("another_stage"):
                    for forward in forwards:
                        self.assertFalse(forward.matches(sample.event),
                                         f"{forward.name}: {sample.name}")

    def test_they_arrive_as_they_were_sent(self):
        for start, forwards in self.roads():
            (sample,) = samples(start, f"{start.kind}_succeeded")
            for forward in forwards:
                # Account and region stay the pipeline's; the id is new in another region.
                arrived = {**raw_json.read(forward.text(sample.event)), "id": str(uuid.uuid4())}
                self.assertTrue(start.matches(arrived), start.name)
                self.assertEqual({**arrived, "id": ""}, {**sample.event, "id": ""})


class Schedules(RunCase):
    """Schedules that start the task."""

    def setUp(self):
        self.schedules = every("schedules")
        self.assertTrue(self.schedules)

    def check_once(self, schedule):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        for time, attempt, outcome in (("2031-03-14T09:00:00Z", 1, "applied"),
                                       ("2031-03-14T09:00:00Z", 2, "duplicate"),
                                       ("2031-03-14T10:00:00Z", 1, "nothing")):
            text = schedule.text(time, str(uuid.uuid4()), attempt)
            variables, command = schedule.started(text)
            self.assertIn(command, (None, ["run"]))
            run = self.lab.run("run", plan=plan, env=self.environment(variables))
            report = self.ends(run, 0, outcome)
            trigger = report["trigger"]
            self.assertEqual((trigger["kind"], trigger["scheduled_time"]), ("schedule", time))
            self.assertIn(schedule.arn, json.dumps(trigger))

    def test_each_time_once(self):
        for schedule in self.schedules:
            with self.subTest(schedule.name):
                self.check_once(schedule)


class EndedWell(RunCase):
    """What counts a run of the log as one that ended well: without it the silence is an alarm."""

    def setUp(self):
        self.filters = every("filters")
        self.assertTrue(self.filters)
        self.lab.aws.clear()

    def counted(self, run, code, outcome):
        """How often each filter counts a run that ended so."""
        self.ends(run, code, outcome)
        return {sum(one.matches(line) for line in run.log) for one in self.filters}

    def test_well(self):
        plan = self.lab.plan(ORDERS, self.lab.database())
        self.assertEqual(self.counted(self.lab.run("run", plan=plan), 0, "applied"), {1})
        self.assertEqual(self.counted(self.lab.run("run", plan=plan), 0, "nothing"), {1})

    def test_well_but_for_the_report(self):
        self.lab.aws.deny("sns:Publish")
        self.addCleanup(self.lab.aws.allow, "sns:Publish")
        env = {"POSTLUDE_REPORT_TOPIC": self.lab.aws.arn("orders")}
        run = self.lab.run("run", plan=self.lab.plan(ORDERS, self.lab.database()), env=env)
        self.assertEqual(self.counted(run, 8, "applied"), {1})

    def test_not_well(self):
        db = self.lab.database()
        run = self.lab.run("run", plan=self.lab.plan({"0001_it.sql": "select 1/0;\n"}, db))
        self.assertEqual(self.counted(run, 1, "failed"), {0})
        run = self.lab.run("run", plan=self.lab.plan(ORDERS, db), env={"DB_PASSWORD": "wrong"})
        self.assertEqual(self.counted(run, 4, "unreachable"), {0})


class Watches(RulesCase):
    """Rules that tell of what the program could not report."""

    def setUp(self):
        self.watches = every("watches")

    def test_every_task_is_watched(self):
        for deployment in deployments():
            for start in deployment.starts + deployment.schedules:
                self.assertTrue([watch for watch in deployment.watches
                                 if is_about(watch, start.task)], start.name)

    def test_which_tasks_are_told(self):
        for watch in self.watches:
            self.check_told(watch)

    def test_a_container_beside_ours(self):
        for watch in self.watches:
            self.check_sidecar(watch)

    def test_the_message(self):
        for watch in self.watches:
            self.check_message(watch)


if __name__ == "__main__":
    main()
