"""trigger.verify: CodePipeline is asked whether the event is true, before the database is."""

import json
import signal
import time
import unittest
import uuid

from case import LONG, ORDER_IDS, ORDERS, LabCase, main, share_lab
import aws_faults
from aws_endpoint import AwsEndpoint
from lab import Lab, Trap, dead_port

COMMIT = "c0ffee5b1c7e0a9f424d1e8a630c2f7d9e4b18aa"
STAGE = "CodePipeline Stage Execution State Change"
OTHER_ACCOUNT = "110987654321"

# The refusals of CodePipeline after which the same question may have another answer.
PASSING = {"ConflictException", "ExpiredTokenException", "InternalFailure",
           "InvalidNextTokenException", "PipelineExecutionNotFoundException",
           "ProvisionedThroughputExceededException", "RequestExpired", "RequestLimitExceeded",
           "RequestTimeout", "ServiceUnavailable", "ServiceUnavailableException", "SlowDown",
           "ThrottlingException", "TooManyRequestsException"}


def setUpModule():  # pylint: disable=invalid-name
    aws = AwsEndpoint()
    aws.regions.add("us-gov-west-1")
    unittest.addModuleCleanup(aws.start().stop)
    share_lab(Lab(pooler=False, aws=aws))


class Confirm(LabCase):
    """Each test has executions of its own; whoever is refused has met a trap for a database."""

    def setUp(self):
        self.aws = self.lab.aws
        self.aws.clear()
        self.aws.codepipeline.forget()
        self.trap = Trap()
        self.addCleanup(self.trap.close)
        self.execution = str(uuid.uuid4())
        self.db = None

    def put(self, execution=None, pipeline="orders-prod", **members):
        self.aws.put_execution(pipeline, execution or self.execution, **members)
        return execution or self.execution

    def plan(self, db="postgres", **trigger):
        return self.lab.plan(ORDERS, db, trigger={"verify": True, **trigger})

    def event(self, **changes):
        return self.lab.event(execution_id=self.execution, **changes)

    def stage(self, name="Prod", **changes):
        return self.event(**{"detail-type": STAGE, "detail": {"stage": name}, **changes})

    def runs(self, event=None, env=None, **trigger):
        """A run that goes on to the database; its report."""
        self.db = self.lab.database()
        return self.applies(ORDER_IDS, plan=self.plan(self.db, **trigger), env=env,
                            event=event or self.event())

    def refused(self, *words, event=None, env=None, code="unconfirmed", **trigger):
        """A run that is refused, in so many words; its report."""
        run = self.lab.run("run", plan=self.plan(**trigger), event=event or self.event(), env=env,
                           port=self.trap.port)
        report = self.ends(run, 3, "refused")
        said = report["error"]["message"] + " " + report["error"]["hint"]
        for word in words:
            self.assertIn(word, said, run)
        self.assertEqual(report["error"]["code"], code)
        self.assertEqual(self.trap.visitors(), 0, "the database was contacted")
        return report

    def untrue(self, *words, **how):
        """A run that is refused because CodePipeline says otherwise than the event; its report."""
        return self.refused(*words, code="unconfirmed", **how)

    def asked(self, action=None):
        """The questions that came to CodePipeline."""
        return [entry for entry in self.aws.requests("codepipeline")
                if action in (None, entry["action"])]


class Pipelines(Confirm):
    """The pipeline's own SUCCEEDED."""

    def test_it_is_so(self):
        self.put(str(uuid.uuid4()))
        self.put()
        self.put(str(uuid.uuid4()), status="InProgress")
        report = self.runs()
        self.assertEqual(report["trigger"]["revision"], COMMIT)
        (row,) = self.lab.runs(self.db)
        self.assertEqual(row["revision"], COMMIT)
        self.assertEqual(row["report"]["trigger"]["revision"], COMMIT)
        self.assertEqual(set(self.lab.psql("select revision from postlude.current",
                                           self.db).split()), {COMMIT})
        self.assertEqual([entry["action"] for entry in self.asked()],
                         ["GetPipelineExecution", "ListPipelineExecutions"])
        message = json.loads(self.aws.messages()[0]["message"])
        self.assertEqual(message["trigger"]["revision"], COMMIT)

    def test_nobody_is_asked_without_verify(self):
        self.db = self.lab.database()
        for trigger in ({}, {"verify": False}):
            run = self.lab.run("run", plan=self.lab.plan(ORDERS, self.db, trigger=trigger),
                               event=self.event())
            self.assertEqual(run.code, 0, run)
            self.assertIsNone(run.report["trigger"]["revision"])
        self.assertEqual(self.asked(), [])

    def test_nobody_is_asked_about_what_is_not_a_pipeline_s(self):
        self.db = self.lab.database()
        plan = self.plan(self.db)
        self.ends(self.lab.run("run", plan=plan, env={
            "POSTLUDE_SCHEDULE_ARN": "arn:aws:scheduler:eu-west-3:210987654321:schedule/a/b",
            "POSTLUDE_SCHEDULED_TIME": "2026-03-14T09:00:00Z"}), 0, "applied")
        self.ends(self.lab.run("run", "--reason", "by hand", plan=plan), 0, "nothing")
        self.ends(self.lab.run("run", plan=plan, event=self.event(state="FAILED")), 0, "ignored")
        self.ends(self.lab.run("run", plan=plan, event=self.event(pipeline="parcels")), 3,
                  "refused")
        self.assertEqual(self.asked(), [])

    def test_validate_asks_nobody(self):
        run = self.lab.run("validate", "--event", self.event(), plan=self.plan())
        self.assertEqual((run.code, run.report["event"]), (0, "run"), run)
        said = [self.lab.run("validate", "--event", self.event(), plan=plan, as_json=False).out
                for plan in (self.plan(), self.lab.plan({"0001_a.sql": "select 1;"}))]
        self.assertEqual(["once CodePipeline has" in out for out in said], [True, False], said)
        self.assertEqual(self.aws.requests(), [])

    def test_a_dry_run_asks_too(self):
        self.put(status="Failed")
        self.ends(self.lab.run("run", "--dry-run", plan=self.plan(), event=self.event(),
                               port=self.trap.port), 3, "refused")
        self.assertEqual(self.trap.visitors(), 0)

    def test_it_is_not_so(self):
        for status in ("Failed", "Stopped", "Stopping", "Cancelled", "Superseded"):
            with self.subTest(status):
                self.aws.codepipeline.forget()
                self.put(status=status)
                self.untrue(f"is {status}, not Succeeded", "look at who and what starts this task")

    def test_another_version(self):
        self.put(version=7)
        self.untrue("is of version 7", "the event says 6")

    def test_no_version_to_hold_against(self):
        self.put()
        self.refused("the event has no version", "POSTLUDE_EVENT_VERSION", code=None,
                     event=self.event(detail={"version": None}))
        self.refused("the event has no region", "POSTLUDE_EVENT_REGION", code=None,
                     event=self.event(region=None))
        self.assertEqual(self.asked(), [])

    def test_a_rollback(self):
        self.put(type="ROLLBACK")
        self.untrue("is a rollback", "nothing in postlude goes down")

    def test_a_newer_one_has_succeeded(self):
        self.put()
        self.put(str(uuid.uuid4()), status="Failed")
        newer = self.put(str(uuid.uuid4()))
        self.put(str(uuid.uuid4()), status="InProgress")
        self.untrue(f"execution {newer} of pipeline orders-prod", "is newer", "came late")

    def test_far_back_in_the_list(self):
        self.put()
        for _ in range(60):
            self.put(str(uuid.uuid4()), status="Failed")
        self.runs()
        self.assertEqual(len(self.asked("ListPipelineExecutions")), 3)

    def test_two_sources(self):
        self.put(revisions=(("App", "c0ffee"), ("Config", "v 1\x1b[31m")))
        report = self.runs()
        self.assertEqual(report["trigger"]["revision"], "App=c0ffee Config=v 1\\x1b[31m")

    def test_no_source(self):
        self.put(revisions=())
        self.assertIsNone(self.runs()["trigger"]["revision"])

    def test_a_second_delivery_is_asked_about_too(self):
        self.put()
        self.runs()
        self.ends(self.lab.run("run", plan=self.plan(self.db), event=self.event()), 0, "duplicate")

    def test_the_refusal_is_reported(self):
        self.put(status="Failed")
        self.untrue("not Succeeded")
        (message,) = self.aws.messages()
        self.assertEqual(message["attributes"]["outcome"], ("String", "refused"))


class Stages(Confirm):
    """The SUCCEEDED of a stage the plan lists."""

    def test_a_pipeline_that_goes_on(self):
        self.put(status="InProgress")
        report = self.runs(event=self.stage(), stages=["Prod"])
        self.assertEqual(report["trigger"]["revision"], COMMIT)

    def test_a_pipeline_that_has_ended(self):
        self.put()
        self.runs(event=self.stage(), stages=["Prod"])

    def test_a_pipeline_that_failed_behind_the_stage(self):
        self.put(status="Failed", stages=("Build", "Prod"))
        self.runs(event=self.stage(), stages=["Prod"])

    def test_a_rollback(self):
        self.put(status="InProgress", type="ROLLBACK", stages=("Prod",))
        self.untrue("is a rollback", event=self.stage(), stages=["Prod"])

    def test_a_newer_one_has_succeeded(self):
        self.put(status="InProgress")
        self.put(str(uuid.uuid4()))
        self.untrue("is newer", event=self.stage(), stages=["Prod"])

    @unittest.skipUnless(LONG, "takes a minute")
    def test_a_stage_that_did_not_succeed(self):
        self.put(status="Failed", stages=("Build",))
        self.untrue("is not among those", event=self.stage(), stages=["Prod"])


class InTime(Confirm):
    """CodePipeline lags behind its own events."""

    def test_not_found_in_progress_and_then_so(self):
        self.put(status=("NotFound", "NotFound", "InProgress", "Succeeded"))
        self.runs()
        self.assertGreaterEqual(len(self.asked("GetPipelineExecution")), 4)

    @unittest.skipUnless(LONG, "takes a minute")
    def test_in_progress_for_ever(self):
        self.put(status="InProgress")
        started = time.monotonic()
        self.untrue("is InProgress, not Succeeded")
        self.assertTrue(58 < time.monotonic() - started < 70)

    def test_not_longer_than_the_run(self):
        self.put(status="InProgress")
        plan = self.lab.plan(ORDERS, trigger={"verify": True}, run={"deadline": "2s"})
        run = self.lab.run("run", plan=plan, event=self.event(), port=self.trap.port)
        report = self.ends(run, 7, "interrupted")
        self.assertIn("out of time while asking CodePipeline", report["error"]["message"])
        self.assertEqual(self.trap.visitors(), 0)

    def test_told_to_stop(self):
        self.put(status="InProgress")
        process = self.lab.start_run("run", "--json", plan=self.plan(), event=self.event(),
                                     port=self.trap.port)
        while len(self.asked()) < 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        run = self.lab.finish(process)
        self.assertLess(time.monotonic() - started, 5)
        report = self.ends(run, 7, "interrupted")
        self.assertIn("told to stop while asking CodePipeline", report["error"]["message"])
        self.assertIn("not confirmed yet", run.err)
        self.assertEqual(self.trap.visitors(), 0)

    def test_told_to_stop_while_nobody_answers(self):
        self.put()
        self.aws.fail("hang", where="codepipeline")
        process = self.lab.start_run("run", "--json", plan=self.plan(), event=self.event(),
                                     port=self.trap.port)
        while not self.aws.requests("credentials"):
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        self.ends(self.lab.finish(process), 7, "interrupted")
        self.assertLess(time.monotonic() - started, 5)


class Denied(Confirm):
    """Every refusal of CodePipeline, and what does not reach it."""

    def test_every_refusal(self):
        self.put()
        self.runs()
        for code in sorted(aws_faults.CODEPIPELINE):
            with self.subTest(code):
                self.aws.clear()
                self.aws.fail(code, where="codepipeline")
                if code in PASSING:
                    run = self.lab.run("run", plan=self.plan(self.db), event=self.event())
                    self.ends(run, 0, "duplicate")
                else:
                    report = self.refused("could not be confirmed: GetPipelineExecution", code=code)
                    self.assertTrue(report["error"]["hint"])
        self.assertLess(PASSING, set(aws_faults.CODEPIPELINE))

    def test_without_the_right(self):
        self.put()
        for action in ("GetPipelineExecution", "ListPipelineExecutions"):
            with self.subTest(action):
                self.aws.clear()
                self.aws.deny(f"codepipeline:{action}")
                self.refused(f"could not be confirmed: {action}: ",
                             "Allow codepipeline:GetPipelineExecution and "
                             "codepipeline:ListPipelineExecutions on arn:aws:codepipeline:"
                             "eu-west-3:210987654321:orders-prod to the task role",
                             code="AccessDeniedException")

    def test_a_pipeline_that_is_not_there(self):
        self.put(pipeline="orders-other")
        self.refused("no pipeline orders-prod in eu-west-3", "trigger.assume_role",
                     code="PipelineNotFoundException")

    def test_answers_that_are_not_aws_s(self):
        self.put()
        for kind, code in (("not-aws", "200"), ("redirect", "302"), ("huge", "too-large")):
            with self.subTest(kind):
                self.aws.clear()
                self.aws.fail(kind, where="codepipeline")
                self.refused("could not be confirmed", code=code)
        for kind in ("close", "html", "empty"):
            with self.subTest(kind):
                self.aws.clear()
                self.aws.fail(kind, where="codepipeline")
                self.runs()

    def test_without_credentials(self):
        self.refused("no AWS credentials", code="NoCredentials", env={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": None, "AWS_EC2_METADATA_DISABLED": "true",
            "SNS_TOPIC_ARN": None})

    @unittest.skipUnless(LONG, "takes a minute")
    def test_nobody_there(self):
        self.refused("AWS_ENDPOINT_URL_CODEPIPELINE", code="connect", env={
            "AWS_ENDPOINT_URL_CODEPIPELINE": f"http://127.0.0.1:{dead_port()}"})

    def test_an_endpoint_that_is_none(self):
        run = self.lab.run("run", plan=self.plan(), event=self.event(), port=self.trap.port,
                           env={"AWS_ENDPOINT_URL_CODEPIPELINE": "http://example.com"})
        report = self.ends(run, 2, "invalid")
        self.assertIn("AWS_ENDPOINT_URL_CODEPIPELINE", report["error"]["message"])
        self.assertEqual(self.trap.visitors(), 0)


class Elsewhere(Confirm):
    """Pipelines of other regions and accounts."""

    def test_another_region(self):
        for region in ("us-east-1", "us-gov-west-1"):
            with self.subTest(region):
                self.aws.clear()
                self.execution = self.put(str(uuid.uuid4()), region=region)
                self.runs(event=self.event(region=region))
                self.assertEqual({entry["region"] for entry in self.asked()}, {region})
        self.refused("no pipeline", event=self.event(), code="PipelineNotFoundException")

    def test_another_account(self):
        role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/ci/postlude-verify"
        self.aws.roles.add(role)
        self.put(account=OTHER_ACCOUNT)
        event = self.event(account=OTHER_ACCOUNT)
        self.refused("no pipeline", event=event, code="PipelineNotFoundException")
        self.aws.clear()
        report = self.runs(event=event, assume_role=role)
        self.assertEqual(report["trigger"]["revision"], COMMIT)
        self.assertEqual(report["trigger"]["account"], OTHER_ACCOUNT)
        (call,) = self.aws.requests("sts")
        self.assertEqual(call["body"]["RoleSessionName"], f"postlude-{report['run_id']}")
        self.assertEqual(len({entry["access_key_id"] for entry in self.asked()}), 1)
        # The report is ours, not the role's.
        self.assertNotIn(self.asked()[0]["access_key_id"],
                         {entry["access_key_id"] for entry in self.aws.requests("sns")})

    def test_a_role_that_may_not_be_assumed(self):
        role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/somebody-else-s"
        self.put(account=OTHER_ACCOUNT)
        self.refused(f"could not assume {role}", "sts:AssumeRole", code="AccessDenied",
                     event=self.event(account=OTHER_ACCOUNT), assume_role=role)

    def test_a_role_that_cannot_be_assumed_yet(self):
        role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/ci/postlude-verify"
        self.aws.roles.add(role)
        self.put(account=OTHER_ACCOUNT)
        self.aws.fail("Throttling", times=4, where="sts")
        self.runs(event=self.event(account=OTHER_ACCOUNT), assume_role=role)
        self.assertEqual(len(self.aws.requests("sts")), 5)

    def test_a_role_of_another_account_than_the_event_s(self):
        role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/ci/postlude-verify"
        self.put()
        self.refused("is a role of another one", code=None, assume_role=role)
        self.assertEqual(self.aws.requests("sts"), [])


if __name__ == "__main__":
    main()
