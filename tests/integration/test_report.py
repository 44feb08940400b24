"""The report: what the SNS topic gets, and what happens when it cannot get it.

The stand-in checks every signature with botocore's signer and every message by SNS's rules.
"""

import json
import time
import unittest

from aws_case import TopicCase, setUpModule  # noqa: F401
from case import LONG, ORDERS, ORDER_IDS, main
from lab import dead_port

SNS_LIMIT = 262_144


class Report(TopicCase):
    """Each test starts with a topic that has got nothing."""

    def the_message(self):
        (message,) = self.aws.messages()
        self.assertEqual(self.aws.refusals(), [])
        return message

    def reported(self):
        """Whether each run's report was published, oldest first."""
        return [run["reported_at"] is not None for run in self.lab.runs(self.db)]


class Published(Report):
    """What goes out, and when."""

    def test_applied(self):
        report = self.ends(self.run_files(ORDERS), 0, "applied")
        message = self.the_message()
        self.assertEqual(message["topic"], self.aws.arn("orders"))
        self.assertEqual(message["attributes"], {
            "outcome": ("String", "applied"), "plan": ("String", "orders"),
            "trigger": ("String", "codepipeline"), "pipeline": ("String", "orders-prod"),
            "exit_code": ("Number", "0")})
        self.assertEqual(json.loads(message["message"]), report)
        self.assertIn("orders", message["subject"])
        self.assertIsNone(message["group"])
        self.assertEqual(self.reported(), [True])

    def test_with_a_static_key(self):
        run = self.run_files(ORDERS, env={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": None,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": None, **self.aws.static_environment()})
        self.ends(run, 0, "applied")
        self.the_message()

    def test_failed_without_row_data(self):
        files = {**ORDERS, "0004_it.sql": "insert into orders values (1, 2, 'private-4711');\n"
                                          "insert into orders values (77, 2, 'private-4711'), "
                                          "(77, 3, 'x');\n"}
        report = self.ends(self.run_files(files), 1, "failed")
        sent = json.loads(self.the_message()["message"])
        self.assertEqual(self.the_message()["attributes"]["outcome"], ("String", "failed"))
        self.assertEqual(self.the_message()["attributes"]["exit_code"], ("Number", "1"))
        self.assertEqual((sent["error"]["detail"], sent["error"]["statement"]), (None, None))
        self.assertNotIn("private-4711", self.the_message()["message"])
        self.assertEqual(sent["error"]["message"], report["error"]["message"])
        self.assertEqual((sent["error"]["file"], sent["error"]["line"]), ("0004_it.sql", 1))
        # The ledger and stdout have both.
        kept = self.lab.runs(self.db)[0]["report"]["error"]
        for error in (kept, report["error"]):
            self.assertIn("(id)=(1)", error["detail"])
            self.assertIn("private-4711", error["statement"])

    def test_failed_with_details(self):
        files = {**ORDERS, "0004_it.sql": "insert into orders values (1, 2, 'private-4711');\n"}
        self.ends(self.run_files(files, report={"details": True}), 1, "failed")
        sent = json.loads(self.the_message()["message"])
        self.assertIn("(id)=(1)", sent["error"]["detail"])
        self.assertIn("private-4711", sent["error"]["statement"])

    def test_a_password_is_not_sent_even_with_details(self):
        files = {"0001_it.sql": "create role nobody_knows password 'geheim-4711' nosuchoption;\n"}
        self.ends(self.run_files(files, report={"details": True}), 1, "failed")
        self.assertNotIn("geheim-4711", self.the_message()["message"])

    def test_nothing_shows_what_may_quote_a_password(self):
        hidden = "do $$ begin execute %s; end $$;"
        for sql in ("create role nobody_knows password 'one' 'geheim-4711';",
                    hidden % "'alter role nosuch password ''geheim-4711'''",
                    hidden % "'alter role nosuch pass'||'word 1 ''geheim-4711'''"):
            with self.subTest(sql):
                self.setUp()
                run = self.run_files({"0001_it.sql": sql}, report={"details": True})
                report = self.ends(run, 1, "failed")
                self.assertTrue(report["error"]["sqlstate"])
                kept = self.lab.psql("select error, report from postlude.run union all "
                                     "select error, null from postlude.migration", self.db)
                for text in (run.out, run.err, kept, self.the_message()["message"]):
                    self.assertNotIn("geheim-4711", text)

    def test_a_plan_that_names_its_topic(self):
        # What stops a run before it begins is told to the plan's own topic, where that is known.
        self.ends(self.run_files(ORDERS, event="{"), 3, "refused")
        self.ends(self.run_files({**ORDERS, "0004_it.sql": b"select '\xe9';"}), 2, "invalid")
        self.ends(self.run_files(ORDERS, migrations=["0001_not_there.sql"]), 2, "invalid")
        self.assertEqual([message["attributes"]["plan"][1] for message in self.aws.messages()],
                         ["orders"] * 3)

    def test_a_wrong_command_line(self):
        run = self.lab.run("run", "--bogus", env={"POSTLUDE_REPORT_TOPIC": self.aws.arn("orders")})
        self.ends(run, 2, "invalid")
        self.assertIn("--bogus", self.the_message()["message"])

    def test_how_to_start_it_again(self):
        command = "aws ecs run-task --cluster ops --task-definition postlude"
        run = self.run_files(ORDERS, env={"POSTLUDE_RERUN": command})
        self.assertEqual(self.ends(run, 0, "applied")["rerun"], command)

    def test_when(self):
        broken = {**ORDERS, "0004_it.sql": "select nowhere;\n"}
        ignored = self.lab.event(state="STARTED")
        for when, expected in (
                ("changes", ["applied", "failed"]),
                ("always", ["applied", "nothing", "duplicate", "failed"]),
                ("failures", ["failed"])):
            with self.subTest(when):
                self.setUp()
                event = self.lab.event()
                for files, delivery in ((ORDERS, event), (ORDERS, None), (ORDERS, event),
                                        (ORDERS, ignored), (broken, None)):
                    self.run_files(files, event=delivery, report={"when": when})
                self.assertEqual([message["attributes"]["outcome"][1]
                                  for message in self.aws.messages()], expected)

    def test_outcomes_without_a_database(self):
        self.ends(self.run_files(ORDERS, event=self.lab.event(pipeline="billing-prod")),
                  3, "refused")
        # The plan was not read yet, but the topic is known.
        self.ends(self.run_files(ORDERS, event="{", env={
            "POSTLUDE_REPORT_TOPIC": self.aws.arn("orders")}), 3, "refused")
        self.ends(self.run_files(ORDERS, database={"name": "no_such_db"}), 4, "unreachable")
        self.assertEqual([message["attributes"]["outcome"][1] for message in self.aws.messages()],
                         ["refused", "refused", "unreachable"])

    def test_each_outcome_without_a_database_to_the_variables_topic(self):
        env = {"POSTLUDE_REPORT_TOPIC": self.aws.arn("orders"), "SNS_TOPIC_ARN": None}
        bare = {"report": None}
        runs = (
            (self.run_files(ORDERS, env=env, event=self.lab.event(account="000000000001"),
                            trigger={"accounts": ["210987654321"]}, **bare), 3, "refused"),
            (self.run_files(ORDERS, env=env, event="{", **bare), 3, "refused"),
            (self.run_files(ORDERS, env=env, database={"name": "no_such_db"}, **bare), 4,
             "unreachable"),
            (self.run_files(ORDERS, env=env, database={"host": "${NO_SUCH_VARIABLE}"}, **bare), 2,
             "invalid"),
            (self.run_files(ORDERS, env=env, trigger={"pipelines": ["${NO_SUCH_VARIABLE}"]},
                            **bare), 2, "invalid"),
            (self.run_files(ORDERS, env=env, nonsense=1, **bare), 2, "invalid"),
            (self.lab.run("run", "--log", "loud", env=env), 2, "invalid"),
            (self.lab.run("fly", env=env), 2, "invalid"),
        )
        for run, code, outcome in runs:
            self.ends(run, code, outcome)
        self.assertEqual([message["attributes"]["outcome"][1] for message in self.aws.messages()],
                         [outcome for _, _, outcome in runs])
        self.assertEqual([json.loads(message["message"])["run_id"]
                          for message in self.aws.messages()],
                         [run.report["run_id"] for run, _, _ in runs])

    def test_a_plan_whose_trigger_cannot_be_expanded_is_told_to_its_own_topic(self):
        self.ends(self.run_files(ORDERS, trigger={"pipelines": ["${NO_SUCH_VARIABLE}"]}), 2,
                  "invalid")
        self.assertEqual(self.the_message()["attributes"]["outcome"], ("String", "invalid"))

    def test_topic_without_a_readable_plan(self):
        run = self.lab.run("run", plan="/nowhere.yaml", event=self.lab.event(),
                           env={"POSTLUDE_REPORT_TOPIC": self.aws.arn("orders")})
        self.ends(run, 2, "invalid")
        self.assertEqual(self.the_message()["attributes"]["outcome"], ("String", "invalid"))

    def test_fifo_topic(self):
        run = self.run_files(ORDERS, env=self.aws.environment("orders.fifo"))
        report = self.ends(run, 0, "applied")
        message = self.the_message()
        self.assertEqual(message["group"], "orders")
        self.assertIn(report["run_id"], message["deduplication"])
        self.assertIn("applied", message["deduplication"])
        self.assertFalse(message["duplicate"])

    def test_text(self):
        self.ends(self.run_files(ORDERS, report={"format": "text"}), 0, "applied")
        message = self.the_message()
        self.assertIn("3 migrations applied", message["message"])
        self.assertNotIn('"schema"', message["message"])

    def test_chat(self):
        files = {**ORDERS, "0004_it.sql": "insert into orders values (1, 2, '<!channel> `x`');\n"}
        report = self.ends(self.run_files(files, report={"format": "chat", "details": True,
                                                         "subject": "prod orders"}), 1, "failed")
        message = json.loads(self.the_message()["message"])
        self.assertEqual((message["version"], message["source"], message["id"]),
                         ("1.0", "custom", report["run_id"]))
        self.assertIn("prod orders: failed at 0004_it", message["content"]["title"])
        self.assertIn("&lt;!channel&gt; 'x'", message["content"]["description"])
        self.assertEqual(message["metadata"]["threadId"], report["trigger"]["execution_id"])
        self.assertEqual(message["metadata"]["additionalContext"]["exitCode"], "1")

    def test_subject(self):
        subject = "${STAGE:-} orders\té \"x\" " + "y" * 200
        self.ends(self.run_files(ORDERS, report={"subject": subject}, env={"STAGE": "prod"}),
                  0, "applied")
        self.assertTrue(self.the_message()["subject"].startswith("prod orders"))

    def test_characters_that_sns_does_not_take(self):
        files = {"0001_it.sql": "do $$ begin raise exception E'bell \\x07 esc \\x1b[31m \ufffe é "
                                "漢 😀'; end $$;\n"}
        self.ends(self.run_files(files), 1, "failed")
        self.assertIn("漢 😀", json.loads(self.the_message()["message"])["error"]["message"])

    def test_nothing_is_sent_by_looking(self):
        plan = self.lab.plan(ORDERS, self.db, report={"when": "always"})
        self.lab.run("run", "--dry-run", plan=plan, event=self.lab.event())
        self.lab.run("status", plan=plan)
        self.lab.run("validate", plan=plan)
        self.assertEqual(self.aws.messages(), [])

    def test_without_a_topic(self):
        self.ends(self.run_files(ORDERS, report=None), 0, "applied")
        self.assertEqual((self.aws.messages(), self.aws.refusals()), ([], []))


class Limit(Report):
    """A message that would be larger than SNS takes is cut to fit."""

    # As many as make the lists of ids alone larger than the limit.
    FILES = {f"{n:04}_{'long_' * 38}.sql": f"create table t{n} (a int);\n" for n in range(1500)}

    def test_many_applied(self):
        run = self.run_files(self.FILES, migrations=["*.sql"])
        report = self.ends(run, 0, "applied")
        self.assertEqual(len(report["applied"]), len(self.FILES), "stdout has them all")
        self.assertEqual(len(self.lab.runs(self.db)[0]["report"]["applied"]), len(self.FILES))
        self.check_sent(report)

    def test_many_pending(self):
        files = {"0000_it.sql": "select nowhere;\n", **self.FILES}
        report = self.ends(self.run_files(files, migrations=["*.sql"]), 1, "failed")
        sent = self.check_sent(report)
        self.assertEqual(sent["error"]["message"], report["error"]["message"])

    def check_sent(self, report):
        message = self.the_message()
        size = len(message["message"].encode()) + sum(
            len(part.encode()) for name, pair in message["attributes"].items()
            for part in (name, *pair))
        self.assertLessEqual(size, SNS_LIMIT)
        sent = json.loads(message["message"])
        self.assertGreater(len(sent["applied"]) + len(sent["pending"]), 10, "cut to the bone")
        self.assertLessEqual(set(report), set(sent))
        for key in ("outcome", "exit_code", "run_id", "summary", "trigger", "database"):
            self.assertEqual(sent[key], report[key])
        return sent


class NotPublished(Report):
    """The database is as the plan says, but nobody can be told: exit code 8, the report is kept."""

    def is_kept(self, run, code=8, outcome="applied"):
        report = self.ends(run, code, outcome)
        self.assertEqual(self.reported(), [False], run)
        (row,) = self.lab.runs(self.db)
        self.assertEqual((row["outcome"], row["report"]["summary"]),
                         (outcome, report["summary"]))
        self.assertEqual(self.aws.messages(), [])
        self.assertIn("error", {line["level"] for line in run.log}, run)
        return report

    def test_nobody_listens(self):
        started = time.monotonic()
        self.is_kept(self.run_files(
            ORDERS, env={"AWS_ENDPOINT_URL_SNS": f"http://127.0.0.1:{dead_port()}"}))
        self.assertLess(time.monotonic() - started, 90)

    def test_a_failed_migration_stays_failed(self):
        self.aws.fail("AuthorizationError")
        self.is_kept(self.run_files({"0001_it.sql": "select nowhere;\n"}), 1, "failed")

    # Code: how often it is asked, and what the log tells to do.
    FINAL = {
        "InvalidParameter": (1, "which part it refuses"),
        "ParameterValueInvalid": (1, "which part it refuses"),
        "ValidationException": (1, "which part it refuses"),
        "NotFound": (1, "no such topic of account 210987654321"),
        "AuthorizationError": (1, "Allow sns:Publish on arn:aws:sns:eu-west-3:"),
        "InvalidSecurity": (1, "where the credentials come from"),
        "InvalidClientTokenId": (1, "AWS does not know the access key"),
        "SignatureDoesNotMatch": (1, "this machine's clock"),
        "IncompleteSignature": (1, "look for a proxy"),
        "ExpiredToken": (2, "temporary credentials ran out"),
        "RequestExpired": (2, "this machine's clock"),
        "KMSAccessDenied": (1, "kms:GenerateDataKey and kms:Decrypt"),
        "KMSDisabled": (1, "Enable the KMS key"),
        "KMSInvalidState": (1, "restore it"),
        "KMSNotFound": (1, "give the topic another one"),
        "KMSOptInRequired": (1, "to AWS KMS"),
    }

    def test_refused(self):
        for code, (times, advice) in self.FINAL.items():
            with self.subTest(code):
                self.setUp()
                self.aws.fail(code, times=50)
                run = self.run_files(ORDERS)
                self.is_kept(run)
                self.assertEqual(len(self.aws.refusals()), times, run)
                (line,) = [line for line in run.log if line["level"] == "error"]
                self.assertIn("the report was not published: 127.0.0.1", line["msg"])
                self.assertIn(f"answered {code}, HTTP status ", line["msg"])
                self.assertIn(advice, line["hint"])
                self.assertTrue(line["where"].startswith("arn:aws:sns:"), line)

    def test_no_such_topic(self):
        run = self.run_files(ORDERS, env={"SNS_TOPIC_ARN": self.aws.arn("nowhere")})
        self.is_kept(run)
        self.assertIn("nowhere", run.err)

    def test_a_topic_that_is_none(self):
        run = self.run_files(ORDERS, env={"SNS_TOPIC_ARN": "orders"})
        self.assertEqual(run.code, 2, run)

    def test_passing_trouble(self):
        for fault in ("Throttling", "ThrottledException", "ThrottlingException", "RequestThrottled",
                      "TooManyRequestsException", "KMSThrottling", "InternalError",
                      "ServiceUnavailable", "html", "close"):
            with self.subTest(fault):
                self.setUp()
                self.aws.fail(fault, times=2)
                run = self.run_files(ORDERS)
                self.ends(run, 0, "applied")
                for number in (1, 2):
                    self.assertIn(f"attempt {number} of 8 failed, trying again in ", run.err)
                self.assertEqual(len(self.aws.messages()), 1)
                self.assertEqual(self.reported(), [True])

    @unittest.skipUnless(LONG, "takes as long as nobody listening, which is tested")
    def test_lasting_trouble(self):
        self.aws.fail("InternalError", times=1000)
        started = time.monotonic()
        self.is_kept(self.run_files(ORDERS))
        self.assertLess(time.monotonic() - started, 90)
        self.assertGreater(len(self.aws.refusals()), 2)

    @unittest.skipUnless(LONG, "waits for time-outs")
    def test_no_answer(self):
        self.aws.fail("hang", times=1000)
        started = time.monotonic()
        self.is_kept(self.run_files(ORDERS))
        self.assertLess(time.monotonic() - started, 110)

    def test_answers_that_are_not_sns(self):
        for fault in ("redirect", "huge", "not-sns"):
            with self.subTest(fault):
                self.setUp()
                self.aws.fail(fault, times=1000)
                self.is_kept(self.run_files(ORDERS))

    def test_no_credentials(self):
        run = self.run_files(ORDERS, env={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": None, "AWS_CONTAINER_AUTHORIZATION_TOKEN": None})
        self.is_kept(run)
        self.assertIn("credentials", run.err)

    def test_credentials_service_does_not_answer(self):
        run = self.run_files(ORDERS, env={"AWS_CONTAINER_CREDENTIALS_FULL_URI":
                                          f"http://127.0.0.1:{dead_port()}/v2/credentials/x"})
        self.is_kept(run)

    def test_plain_http_to_somewhere_else(self):
        run = self.run_files(ORDERS, env={"AWS_ENDPOINT_URL_SNS": "http://192.0.2.1:80"})
        self.assertEqual(run.code, 8, run)
        self.assertIn("http", run.err)
        self.assertEqual(self.aws.messages(), [])

    def test_the_next_run_is_not_disturbed(self):
        self.aws.fail("AuthorizationError")
        self.is_kept(self.run_files(ORDERS))
        report = self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual(report["already_applied"], len(ORDER_IDS))


if __name__ == "__main__":
    main()
