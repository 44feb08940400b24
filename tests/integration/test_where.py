"""Who and where: the ECS task of a run in ledger, report and message; metrics; the log's lines.

The stand-in answers as the task metadata endpoint does, for a task with a sidecar.
"""

import json
import os
import shlex
import subprocess
import time

import jsonschema

from aws_case import setUpModule  # noqa: F401
from case import ORDERS, LabCase, main
from lab import dead_port

LINE_MAX = 12 * 1024
BOUND = 1.0  # what asking may cost, in seconds

# The JSON schema of AWS's specification, as far as a line can break it.
EMF = {
    "type": "object", "required": ["_aws"], "properties": {"_aws": {
        "type": "object", "required": ["Timestamp", "CloudWatchMetrics"], "properties": {
            "Timestamp": {"type": "integer"},
            "CloudWatchMetrics": {"type": "array", "items": {
                "type": "object", "required": ["Namespace", "Dimensions", "Metrics"],
                "properties": {
                    "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                    "Dimensions": {"type": "array", "minItems": 1, "items": {
                        "type": "array", "maxItems": 9, "items": {
                            "type": "string", "minLength": 1, "maxLength": 250}}},
                    "Metrics": {"type": "array", "items": {
                        "type": "object", "required": ["Name"], "properties": {
                            "Name": {"type": "string", "minLength": 1, "maxLength": 1024},
                            "Unit": {"enum": ["Milliseconds", "Count"]}}}}}}}}}}}


class Where(LabCase):
    """Each test runs in a task that nobody has asked yet."""

    def setUp(self):
        self.aws = self.lab.aws
        self.aws.clear()
        self.aws.set_metadata()
        self.db = self.lab.database()
        self.ecs = self.aws.metadata_environment()

    def run_files(self, files=None, env=None, event=None, **changes):
        how = {name: changes.pop(name) for name in ("as_json",) if name in changes}
        return self.lab.run("run", plan=self.lab.plan(files or ORDERS, self.db, **changes),
                            env={**self.ecs, **(env or {})},
                            event=self.lab.event() if event is None else event, **how)

    def warnings(self, run):
        return [line["msg"] for line in run.log if line["level"] == "warn"]


class Task(Where):
    """What the metadata endpoint says."""

    def arn(self, resource):
        return f"arn:aws:ecs:{self.aws.region}:{self.aws.account}:{resource}"

    def test_in_report_message_and_ledger(self):
        run = self.run_files()
        report = self.ends(run, 0, "applied")
        task = report["task"]
        self.assertRegex(task["arn"], f"^{self.arn('task/ops/')}[0-9a-f]{{32}}$")
        self.assertEqual(task["cluster"], self.arn("cluster/ops"))
        self.assertEqual((task["family"], task["revision"], task["container"]),
                         ("orders-migrate", "42", "migrate"))
        self.assertTrue(task["image"].endswith("/orders-migrate:2031-03-14"), task)
        self.assertRegex(task["image_digest"], "^sha256:[0-9a-f]{64}$")
        stream = f"migrate$252Fmigrate$252F{task['arn'].rsplit('/', 1)[1]}"
        self.assertEqual(report["log_url"],
                         "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-3#logsV2:"
                         f"log-groups/log-group/$252Fecs$252Forders-migrate/log-events/{stream}")
        self.assertEqual(json.loads(self.aws.messages()[0]["message"])["task"], task)
        (kept,) = self.lab.runs(self.db)
        self.assertEqual((kept["task_arn"], kept["image"]), (task["arn"], task["image"]))
        self.assertEqual((kept["report"]["task"], kept["report"]["log_url"]),
                         (task, report["log_url"]))
        self.assertEqual(self.warnings(run), [])
        for request in self.aws.requests("metadata"):
            self.assertNotIn("authorization", request["headers"])

    def test_is_in_the_ledger_while_the_run_goes_on(self):
        process = self.lab.start_run(
            "run", "--json", event=self.lab.event(), env=self.ecs,
            plan=self.lab.plan({"0001_slow.sql": "select pg_sleep(3);\n"}, self.db))
        self.lab.wait_for(self.db, "select count(*) from pg_stat_activity "
                                   "where query like '%pg_sleep(3)%' and pid <> pg_backend_pid()",
                          "1")
        self.assertIn("task/ops/", self.lab.value("select task_arn from postlude.run", self.db))
        self.ends(self.lab.finish(process), 0, "applied")

    def test_how_to_start_it_again(self):
        run = self.run_files({"0001_it.sql": "select nowhere;\n"}, as_json=False,
                             env={"POSTLUDE_LOG": "text"})
        self.assertEqual(run.code, 1, run)
        (line,) = [line for line in run.out.splitlines() if "aws ecs run-task" in line]
        words = shlex.split(line)
        options = dict(zip(words[3::2], words[4::2]))
        self.assertEqual(words[:3], ["aws", "ecs", "run-task"])
        self.assertEqual(json.loads(options.pop("--overrides")), {
            "containerOverrides": [{"name": "migrate", "environment": [
                {"name": "POSTLUDE_REASON", "value": "<why>"}]}]})
        self.assertEqual(options, {
            "--cluster": self.arn("cluster/ops"), "--task-definition": "orders-migrate:42",
            "--region": self.aws.region, "--launch-type": "FARGATE",
            "--network-configuration": "awsvpcConfiguration={subnets=[<subnet-ids>],"
                                       "securityGroups=[<security-group-ids>]}"})

    def test_the_command_given_wins(self):
        report = self.ends(self.run_files(env={"POSTLUDE_RERUN": "make again"}), 0, "applied")
        self.assertEqual(report["rerun"], "make again")

    def test_other_log_drivers_have_no_link(self):
        self.aws.set_metadata(container={"LogDriver": "awsfirelens", "LogOptions": None})
        report = self.ends(self.run_files(), 0, "applied")
        self.assertIsNone(report["log_url"])
        self.assertTrue(report["task"]["arn"])

    def test_the_task_alone_names_us_among_its_containers(self):
        self.aws.fail("empty", times=3, where="metadata")
        run = self.run_files()
        report = self.ends(run, 0, "applied")
        self.assertEqual(report["task"]["container"], "migrate")
        self.assertTrue(report["task"]["image"].endswith("/orders-migrate:2031-03-14"))
        self.assertEqual(len(self.warnings(run)), 1, run)

    def test_the_region_is_the_task_s_where_none_is_set(self):
        report = self.ends(self.run_files(env={"AWS_REGION": None}), 0, "applied")
        self.assertIn(f"--region {self.aws.region} ", report["rerun"])

    def test_outcomes_without_a_database_name_it_too(self):
        for outcome, code, how in (
                ("refused", 3, {"event": self.lab.event(pipeline="billing-prod")}),
                ("refused", 3, {"event": "{"}),
                ("invalid", 2, {"migrations": ["nowhere.sql"]}),
                ("unreachable", 4, {"database": {"name": "no_such_db", "wait": "0"}})):
            with self.subTest(outcome):
                report = self.ends(self.run_files(**how), code, outcome)
                self.assertEqual(report["task"]["family"], "orders-migrate")
                self.assertTrue(report["log_url"])

    def test_a_person_who_settles_a_migration(self):
        plan = self.lab.plan(ORDERS, self.db)
        self.lab.run("run", plan=plan, event=self.lab.event())
        self.lab.psql("update postlude.migration set state = 'failed' where id like '0003%'",
                      self.db)
        run = self.lab.run("resolve", "0003_add_note", "--skip", "--reason", "lost", plan=plan,
                           env=self.ecs)
        self.assertEqual(run.code, 0, run)
        self.assertIn("task/ops/", self.lab.runs(self.db)[-1]["task_arn"])


class Unanswered(Where):
    """An endpoint that is no help: nothing fails for it."""

    def check(self, run, outcome="applied"):
        report = self.ends(run, 0, outcome)
        self.assertIsNone(report["task"])
        self.assertEqual((report["log_url"], report["rerun"]), (None, None))
        self.assertEqual(self.warnings(run)[:1], [
            next(line["msg"] for line in run.log if "may not name the task" in line["msg"])], run)
        self.assertEqual(self.lab.runs(self.db)[-1]["task_arn"], None)
        return run

    def test_garbage(self):
        for kind in ("html", "empty", "not-aws", "redirect", "huge", "close"):
            with self.subTest(kind):
                self.setUp()
                self.aws.fail(kind, times=6, where="metadata")
                self.check(self.run_files())

    def test_nobody_is_there(self):
        self.ecs["ECS_CONTAINER_METADATA_URI_V4"] = f"http://127.0.0.1:{dead_port()}/v4/x"
        self.check(self.run_files())

    def test_no_address_to_ask(self):
        for value in ("https://metadata.example.com/v4/x", "http://192.0.2.1/v4", "nonsense"):
            with self.subTest(value):
                self.setUp()
                self.ecs["ECS_CONTAINER_METADATA_URI_V4"] = value
                self.check(self.run_files())
        self.assertEqual(self.aws.requests("metadata"), [])

    def test_hanging_costs_no_more_than_its_bound(self):
        self.run_files(env={"ECS_CONTAINER_METADATA_URI_V4": None})
        began = time.monotonic()
        self.run_files(env={"ECS_CONTAINER_METADATA_URI_V4": None})
        alone = time.monotonic() - began
        self.aws.fail("hang", times=2, where="metadata")
        began = time.monotonic()
        self.check(self.run_files(), "nothing")
        took = time.monotonic() - began - alone
        self.assertGreater(took, BOUND * 0.8)
        self.assertLess(took, BOUND + 2)

    def test_being_stopped_does_not_wait_for_it(self):
        self.aws.fail("hang", times=2, where="metadata")
        process = self.lab.start_run("run", "--json", env=self.ecs, event=self.lab.event(),
                                     plan=self.lab.plan(ORDERS, self.db))
        time.sleep(0.3)
        began = time.monotonic()
        process.terminate()
        self.ends(self.lab.finish(process), 7, "interrupted")
        self.assertLess(time.monotonic() - began, 5)

    def test_an_event_that_is_none_of_ours_asks_nobody(self):
        run = self.run_files(event=self.lab.event(state="STARTED"))
        self.assertIsNone(self.ends(run, 0, "ignored")["task"])
        self.assertEqual(self.aws.requests("metadata"), [])

    def test_outside_ecs_nobody_is_asked(self):
        self.ecs = {}
        report = self.ends(self.run_files(), 0, "applied")
        self.assertEqual((report["task"], report["log_url"], report["rerun"]), (None, None, None))
        self.assertEqual(self.aws.requests("metadata"), [])


class Metrics(Where):
    """The line that CloudWatch Logs makes metrics of."""

    def setUp(self):
        super().setUp()
        self.ecs = {}

    def metrics(self, run):
        """The one line, checked by the format's rules, as its metrics and dimension sets."""
        lines = [line for line in run.err.splitlines() if '"_aws"' in line]
        (line,) = lines
        self.assertLessEqual(len(line.encode()), LINE_MAX)
        found = json.loads(line)
        jsonschema.validate(found, EMF)
        (directive,) = found["_aws"]["CloudWatchMetrics"]
        self.assertEqual(directive["Namespace"], "postlude")
        self.assertLess(abs(found["_aws"]["Timestamp"] / 1000 - time.time()), 120)
        for name in sum(directive["Dimensions"], []):
            self.assertIsInstance(found[name], str)
        for metric in directive["Metrics"]:
            self.assertIs(type(found[metric["Name"]]), int)
        self.assertEqual((found["level"], found["msg"]), ("info", "metrics"))
        self.assertTrue(found["run_id"] and found["time"])
        self.line = found
        return ({metric["Name"]: found[metric["Name"]] for metric in directive["Metrics"]},
                directive["Dimensions"])

    def counts(self, run):
        metrics, dimensions = self.metrics(run)
        self.assertEqual(dimensions, [["plan"], []])
        self.assertGreaterEqual(metrics.pop("duration"), 0)
        return metrics

    def test_applied_nothing_duplicate_failed(self):
        event = self.lab.event()
        run = self.run_files(event=event)
        self.assertEqual(self.counts(run), {"applied": 3, "pending": 0, "failed": 0})
        self.assertEqual((self.line["plan"], self.line["outcome"], self.line["pipeline"],
                          self.line["execution_id"]),
                         ("orders", "applied", "orders-prod",
                          run.report["trigger"]["execution_id"]))
        self.assertEqual(self.line["duration"], run.report["duration_ms"])
        self.assertEqual(self.counts(self.run_files()), {"applied": 0, "pending": 0, "failed": 0})
        self.assertEqual(self.counts(self.run_files(event=event)),
                         {"applied": 0, "pending": 0, "failed": 0})
        broken = {**ORDERS, "0004_it.sql": "select 1;\n", "0005_it.sql": "select nowhere;\n"}
        self.assertEqual(self.counts(self.run_files(broken)),
                         {"applied": 1, "pending": 1, "failed": 1})

    def test_what_was_not_seen_is_not_counted(self):
        run = self.run_files(database={"name": "no_such_db", "wait": "0"})
        self.assertEqual(self.counts(run), {"failed": 1})

    def test_without_a_plan(self):
        for run in (self.lab.run("run", plan="/nowhere.yaml", event=self.lab.event()),
                    self.lab.run("run", "--bogus")):
            metrics, dimensions = self.metrics(run)
            self.assertEqual((metrics["failed"], dimensions), (1, [[]]))
            self.assertNotIn("plan", self.line)

    def test_does_not_depend_on_the_log_level(self):
        run = self.run_files(env={"POSTLUDE_LOG_LEVEL": "error"})
        self.assertEqual(self.counts(run), {"applied": 3, "pending": 0, "failed": 0})
        self.assertEqual(len(run.err.splitlines()), 1, run)

    def test_not_of_every_run(self):
        for run in (self.run_files(event=self.lab.event(state="STARTED")),
                    self.run_files(env={"POSTLUDE_DRY_RUN": "1"}),
                    self.run_files(env={"POSTLUDE_LOG": "text"})):
            self.assertEqual(run.code, 0, run)
            self.assertNotIn("_aws", run.err)


class Lines(Where):
    """Lines of the JSON log, whatever comes in."""

    def setUp(self):
        super().setUp()
        self.ecs = {}

    def check(self, run):
        for line in run.err.encode("utf-8", "surrogateescape").splitlines():
            self.assertLessEqual(len(line) + 1, LINE_MAX)
            found = json.loads(line)
            self.assertLessEqual({"time", "level", "msg", "run_id"}, set(found))
            self.assertTrue(all(32 <= byte != 127 for byte in line), line)
        return run

    def test_a_notice_of_a_hundred_kilobytes(self):
        sql = ("do $$ begin raise notice '%', repeat('€', 100000); "
               "raise warning '%', repeat(E'\\x01\\n\"', 50000); "
               "raise notice using message = 'm', detail = repeat('\\', 100000), "
               "hint = repeat('😀', 50000); end $$;\n")
        run = self.check(self.run_files({"0001_it.sql": sql}))
        self.ends(run, 0, "applied")
        self.assertIn("€€€", json.dumps(run.log, ensure_ascii=False))

    def test_an_error_of_a_hundred_kilobytes(self):
        sql = ("do $$ begin raise exception using message = repeat('€', 100000), "
               "detail = repeat(E'\\x02', 100000), hint = repeat('x', 100000), "
               "column = repeat('c', 60); end $$;\n")
        run = self.check(self.run_files({"0001_it.sql": sql}, as_json=False))
        self.assertEqual(run.code, 1, run)
        self.assertLessEqual(len(run.out.encode()), LINE_MAX)
        self.assertEqual(run.report["outcome"], "failed")

    def test_what_a_command_says(self):
        script = ("head -c 1000000 /dev/zero | tr '\\0' 'x'; echo; head -c 300000 /dev/urandom; "
                  "yes é | head -c 100001; head -c 300000 /dev/urandom >&2; exit 0")
        run = self.check(self.run_files(migrations=[
            {"id": "loud", "command": ["/bin/sh", "-c", script]}]))
        self.ends(run, 0, "applied")
        said = "".join(line["msg"] for line in run.log if line.get("stream") == "stdout")
        self.assertGreaterEqual(said.count("x"), 1000000, "nothing of it is lost")

    def test_an_unasked_document_is_no_longer_than_a_line(self):
        files = {f"{n:04}_{'long_' * 10}.sql": "select 1;\n" for n in range(300)}
        run = self.run_files(files, migrations=["*.sql"], as_json=False)
        report = self.ends(run, 0, "applied")
        self.assertLessEqual(len(run.out.encode()), LINE_MAX)
        self.assertEqual(report["truncated"]["applied_total"], 300)
        self.assertEqual(self.lab.runs(self.db)[0]["report"]["applied"][:2],
                         report["applied"][:2])
        self.setUp()
        asked = self.run_files(files, migrations=["*.sql"])
        self.assertEqual(len(self.ends(asked, 0, "applied")["applied"]), 300)
        self.assertNotIn("truncated", asked.report)

    def test_a_log_that_nobody_reads_holds_no_locks(self):
        notices = "do $$ begin for i in 1..400 loop raise notice '%', repeat('n', 1000); " \
                  "end loop; end $$;\n"
        read, write = os.pipe()
        plan = self.lab.plan({"0001_it.sql": notices}, self.db)
        began = time.monotonic()
        with subprocess.Popen(self.lab.command("run", "--json", plan=plan), stderr=write,
                              stdout=subprocess.PIPE, cwd=self.lab.folder,
                              env={**self.lab.environment(),
                                   "POSTLUDE_EVENT": self.lab.event()}) as process:
            os.close(write)
            out, _ = process.communicate(timeout=60)
        took = time.monotonic() - began
        with os.fdopen(read, "rb") as stream:
            written = stream.read()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(json.loads(out)["outcome"], "applied")
        self.assertGreater(took, 4.5)
        self.assertLess(took, 20)
        self.assertGreater(written.count(b"\n"), 10)
        self.assertEqual(len(self.aws.messages()), 1)


if __name__ == "__main__":
    main()
