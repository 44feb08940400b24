"""Started by CloudFormation: the stack that waits is answered, whatever becomes of the run.

The response URL's signature and token are secrets of the laboratory: that no output, report or
ledger holds them is part of every test.
"""

import contextlib
import json
import signal
import socket
import threading
import time
import uuid

from aws_case import setUpModule  # noqa: F401
from case import ORDER_IDS, ORDERS, LabCase, main
from lab import Trap, dead_port
from request_case import RequestCase, STACK
from stop_case import ASLEEP, SLOW
from watch import Watch


class StackCase(LabCase, RequestCase):
    """Runs that requests start."""

    def setUp(self):
        self.aws = self.lab.aws
        self.aws.clear()
        self.answers_at = self.id()
        self.url = self.aws.response_url(self.answers_at)

    def start(self, request, *args, plan, **how):
        return self.lab.run("run", *args, plan=plan, event=json.dumps(request), **how)


class Well(StackCase):
    """SUCCESS."""

    def test_create(self):
        db = self.lab.database()
        request = self.request()
        run = self.start(request, plan=self.lab.plan(ORDERS, db))
        report = self.ends(run, 0, "applied")
        body = self.told(request, "SUCCESS")
        self.assertEqual(body["PhysicalResourceId"], "postlude-orders")
        self.assertEqual(body["Data"], {"Outcome": "applied", "RunId": report["run_id"],
                                        "Applied": "3", "AlreadyApplied": "0", "Pending": "0"})
        trigger = report["trigger"]
        self.assertEqual([trigger[key] for key in ("kind", "stack", "logical_id", "request_type",
                                                   "event_id", "account", "region")],
                         ["cloudformation", STACK, "Migration", "Create", request["RequestId"],
                          "210987654321", "eu-west-3"])
        row = self.lab.runs(db)[0]
        self.assertEqual((row["trigger"], row["event_id"], row["outcome"]),
                         ("cloudformation", request["RequestId"], "applied"))
        self.assertTrue(any(line["msg"] == "stack answered" for line in run.log), run)
        # The stack waits; those who get the report do not.
        order = [call["service"] for call in self.aws.requests()
                 if call["service"] in ("cloudformation", "sns")]
        self.assertEqual(order, ["cloudformation", "sns"])

    def test_a_second_delivery(self):
        db = self.lab.database()
        request = self.request()
        plan = self.lab.plan(ORDERS, db)
        self.ends(self.start(request, plan=plan), 0, "applied")
        before = self.lab.fingerprint(db, ledger=False)
        self.ends(self.start(request, plan=plan), 0, "nothing")
        self.assertEqual([answer["body"]["Status"] for answer in self.aws.answers(self.id())],
                         ["SUCCESS", "SUCCESS"])
        self.assertEqual(self.lab.fingerprint(db, ledger=False), before)

    def test_update_and_its_rollback(self):
        first = dict(list(ORDERS.items())[:1])
        db, old = self.deployed(first)
        request = self.request("Update", PhysicalResourceId="2031/03/14/[$LATEST]\u00e9\"\\",
                               OldResourceProperties={"PlanDigest": "sha256:0"})
        self.ends(self.start(request, plan=self.lab.plan(ORDERS, db)), 0, "applied")
        self.told(request, "SUCCESS")
        # The stack rolls back: the old image gets the old properties. Nothing is taken back.
        self.aws.clear()
        self.url = self.aws.response_url(self.id())
        request = self.request("Update", ResourceProperties={"PlanDigest": "sha256:0"})
        before = self.lab.fingerprint(db, ledger=False)
        report = self.ends(self.start(request, plan=old), 0, "nothing")
        self.assertEqual(len(report["unknown"]), 2)
        self.told(request, "SUCCESS")
        self.assertEqual(self.lab.fingerprint(db, ledger=False), before)

    def test_delete_reads_no_plan_and_asks_no_database(self):
        trap = Trap()
        self.addCleanup(trap.close)
        for changes in ({}, {"PhysicalResourceId": None}, {"PhysicalResourceId": "never-created"},
                        {"StackId": None}):
            with self.subTest(changes):
                self.aws.clear()
                request = self.request("Delete", **changes)
                run = self.start(request, plan="/nowhere.yaml", port=trap.port,
                                 env={"DB_PASSWORD": None})
                self.assertEqual(self.ends(run, 0, "ignored")["trigger"]["request_type"], "Delete")
                self.told(request, "SUCCESS")
        self.assertEqual(trap.visitors(), 0)

    def test_forms(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        request = self.request()
        text = json.dumps(request)
        path = f"{self.lab.folder}/{uuid.uuid4()}.json"
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        message = {"Type": "Notification", "Subject": "AWS CloudFormation custom resource request",
                   "Message": text}
        for name, how in {"SNS": {"event": json.dumps(message)},
                          "a Lambda function's SNS event": {
                              "event": json.dumps({"Records": [{"Sns": message}]})},
                          "an argument": {"args": ["--event", text]},
                          "one word, and a BOM": {"args": [f"--event=\ufeff{text}"]},
                          "a file": {"args": ["--event", path]},
                          "standard input": {"args": ["--event", "-"], "stdin": text.encode()},
                          }.items():
            with self.subTest(name):
                self.aws.clear()
                run = self.lab.run("run", *how.pop("args", []), plan=plan, **how)
                self.assertEqual(run.code, 0, run)
                self.told(request, "SUCCESS")

    def test_a_url_without_a_session_token(self):
        self.url = self.aws.response_url(self.id(), token_bytes=0)
        request = self.request()
        self.start(request, plan=self.lab.plan(ORDERS, self.lab.database()))
        self.told(request, "SUCCESS")

    def test_a_long_url(self):
        self.url = self.aws.response_url(self.id(), token_bytes=3000)
        request = self.request()
        self.start(request, plan=self.lab.plan(ORDERS, self.lab.database()))
        self.told(request, "SUCCESS")


class Ill(StackCase):
    """FAILED: the exit code is the run's own."""

    def fails(self, code, outcome, *args, request=None, **how):
        request = request or self.request()
        run = self.start(request, *args, **how)
        report = self.ends(run, code, outcome)
        body = self.told(request, "FAILED")
        self.assertEqual(body["Data"]["Outcome"], outcome)
        self.assertIn(report["run_id"], body["Reason"])
        self.assertIn(report["error"]["message"][:60], body["Reason"])
        return body

    def test_a_migration_fails(self):
        db = self.lab.database()
        body = self.fails(1, "failed", plan=self.lab.plan(
            {**ORDERS, "0004_it.sql": "insert into orders values (1, 2, 'row-data');\n"}, db))
        self.assertIn("0004_it", body["Reason"])
        self.assertNotIn("row-data", body["Reason"])
        self.assertEqual(body["Data"]["Applied"], "3")
        self.assertEqual(body["PhysicalResourceId"], "postlude-orders")

    def test_a_reason_that_is_too_long(self):
        # PostgreSQL's message has 3-byte characters; every offset of a cut is met.
        for count in range(3):
            with self.subTest(count):
                self.aws.clear()
                sql = f"do $$ begin raise exception '{'x' * count}{'€' * 500}' " \
                      f"using hint = '{'€' * 500}'; end $$;\n"
                request = self.request("Update", PhysicalResourceId="é" * 512,
                                       StackId=STACK + "x" * 900)
                run = self.start(request, plan=self.lab.plan({"0001_it.sql": sql},
                                                             self.lab.database()))
                self.ends(run, 1, "failed")
                body = self.told(request, "FAILED")
                self.assertIn("€€€...", body["Reason"])
                self.assertIn(run.report["run_id"], body["Reason"])
                self.assertGreater(len(self.aws.answers(self.id())[0]["raw"]), 4080)

    def test_before_the_run(self):
        plan = self.lab.plan(ORDERS)
        for code, outcome, how in (
                (2, "invalid", {"plan": "/nowhere.yaml"}),
                (2, "invalid", {"plan": self.lab.plan({"0001_it.sql": "rollback;\n"})}),
                (2, "invalid", {"plan": plan, "env": {"DB_HOST": None}}),
                (2, "invalid", {"plan": plan, "env": {"POSTLUDE_LOG": "loud"}}),
                (4, "unreachable", {"plan": plan, "port": dead_port()}),
                (4, "unreachable", {"plan": plan, "env": {"DB_PASSWORD": "wrong"}})):
            with self.subTest(how):
                self.aws.clear()
                self.fails(code, outcome, **how)

    def test_a_wrong_command_line(self):
        self.fails(2, "invalid", "--evnt", plan=self.lab.plan(ORDERS))
        self.aws.clear()
        request = self.request()
        run = self.lab.run("run", "--event", "\n" + json.dumps(request), "--bogus")
        self.assertEqual(run.code, 2, run)
        self.told(request, "FAILED")

    def test_a_wrong_command_line_of_a_delete(self):
        request = self.request("Delete")
        run = self.start(request, "--evnt", plan="/nowhere.yaml")
        self.assertEqual(run.code, 2, run)
        self.told(request, "SUCCESS")

    def test_conflict(self):
        db, _ = self.deployed()
        self.fails(6, "conflict", plan=self.lab.plan(
            {**ORDERS, "0001_create_orders.sql": "select 1;\n"}, db))

    def test_malformed(self):
        trap = Trap()
        self.addCleanup(trap.close)
        for kind, changes, word in (("Upsert", {}, "RequestType"), (None, {}, "RequestType"),
                                    ("Create", {"StackId": None}, "StackId"),
                                    ("Create", {"StackId": "orders"}, "StackId"),
                                    ("Create", {"RequestId": None}, "RequestId"),
                                    ("Create", {"LogicalResourceId": None}, "LogicalResourceId"),
                                    ("Update", {"PhysicalResourceId": None},
                                     "PhysicalResourceId")):
            with self.subTest((kind, changes)):
                self.aws.clear()
                body = self.fails(3, "refused", request=self.request(kind, **changes),
                                  plan=self.lab.plan(ORDERS), port=trap.port)
                self.assertIn(word, body["Reason"])
        self.assertEqual(trap.visitors(), 0)


class Urls(StackCase):
    """Where no answer goes."""

    def test_refused_and_not_contacted(self):
        trap = Trap()
        self.addCleanup(trap.close)
        secret = "X-Amz-Signature=0c0ffee05b1c7e0a9f424d1e8a630c2f7d9e4b18"
        for url in ("https://s3.eu-west-3.amazonaws.com.evil.example/x",
                    "https://s3.cn-north-1.amazonaws.com.cn/x",
                    "https://s3.eu-west-3.amazonaws.com:8443/x",
                    "http://s3.eu-west-3.amazonaws.com/x",
                    "https://sns.eu-west-3.amazonaws.com/x",
                    "http://169.254.170.2/x",
                    f"http://s3.eu-west-3.amazonaws.com@127.0.0.1:{trap.port}/x",
                    f"ftp://127.0.0.1:{trap.port}/x", f"//127.0.0.1:{trap.port}/x", "x"):
            for kind in ("Create", "Delete"):
                with self.subTest((url, kind)):
                    request = self.request(kind, ResponseURL=f"{url}?{secret}")
                    run = self.start(request, plan=self.lab.plan(ORDERS), port=trap.port)
                    error = self.ends(run, 3, "refused")["error"]
                    self.assertIn("ResponseURL", error["message"])
                    told = [line for line in run.log if line["msg"] == error["message"]]
                    self.assertEqual(told, [], "said twice")
                    self.assertNotIn(secret, run.out + run.err)
        self.assertEqual(trap.visitors(), 0)

    def test_every_byte_arrives(self):
        target = "/a/../b/./%2e%2e//c%7Cd%7c?X=%2F..%2f&y=a+b%20&empty=&z=/./?&X-Amz-Signature=0c0ffee"
        lines = []

        def serve(listener):
            with listener.accept()[0] as client, client.makefile("rb") as stream:
                lines.append(stream.readline().decode())
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                client.settimeout(1)
                with contextlib.suppress(TimeoutError):
                    stream.read()

        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(30)
            thread = threading.Thread(target=serve, args=(listener,), daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}{target}"
            run = self.start(self.request("Delete", ResponseURL=url), plan="/nowhere.yaml")
            thread.join()
        self.ends(run, 0, "ignored")
        self.assertEqual(lines, [f"PUT {target} HTTP/1.1\r\n"])

    def test_none_at_all(self):
        run = self.start(self.request(ResponseURL=None), plan=self.lab.plan(ORDERS))
        self.assertIn("no ResponseURL", self.ends(run, 3, "refused")["error"]["message"])
        self.untold()


class Sending(StackCase):
    """What S3 may say."""

    def deploy(self, kind, times=1):
        self.aws.fail(kind, times, where="cloudformation")
        request = self.request()
        return request, self.start(request, plan=self.lab.plan(ORDERS, self.lab.database()))

    def test_tried_again(self):
        for kind, times in (("ServiceUnavailable", 3), ("InternalError", 1), ("SlowDown", 1),
                            ("RequestTimeout", 1), ("close", 1), ("html", 1), ("empty", 1)):
            with self.subTest(kind):
                self.aws.clear()
                request, run = self.deploy(kind, times)
                self.ends(run, 0, "applied")
                self.told(request, "SUCCESS")
                self.assertEqual(len(self.aws.requests("cloudformation")), times + 1)

    def test_final(self):
        for kind, word in (("AccessDenied", "ran out"), ("SignatureDoesNotMatch", "byte for byte"),
                           ("ExpiredToken", "ran out"), ("NoSuchBucket", "by hand"),
                           ("redirect", "by hand")):
            with self.subTest(kind):
                self.aws.clear()
                request, run = self.deploy(kind)
                self.ends(run, 8, "applied")
                self.assertEqual(len(self.aws.requests("cloudformation")), 1)
                self.assertEqual(self.aws.answers(self.id()), [])
                trouble, by_hand = [line for line in run.log if line["level"] == "error"]
                self.assertIn("the stack was not answered", trouble["msg"])
                self.assertIn(word, trouble["hint"])
                self.assertIn("ServiceTimeout", by_hand["msg"])
                answer = json.loads(by_hand["answer"])
                self.assertEqual((answer["Status"], answer["RequestId"]),
                                 ("SUCCESS", request["RequestId"]))

    def test_the_run_s_own_code_wins(self):
        self.aws.fail("AccessDenied", where="cloudformation")
        run = self.start(self.request(), plan=self.lab.plan({"0001_it.sql": "select 1/0;\n"},
                                                            self.lab.database()))
        self.ends(run, 1, "failed")

    def test_a_topic_that_fails_is_no_concern_of_the_stack(self):
        self.aws.fail("AuthorizationError")
        request = self.request()
        run = self.start(request, plan=self.lab.plan(ORDERS, self.lab.database()))
        self.ends(run, 8, "applied")
        self.told(request, "SUCCESS")


class Time(StackCase):
    """Told to stop, and out of time."""

    def asleep(self, request, **changes):
        db = self.lab.database()
        watch = Watch(self.lab, self.lab.start_run(
            "run", "--json", plan=self.lab.plan(SLOW, db, **changes), event=json.dumps(request)))
        self.lab.wait_for(db, ASLEEP, "1")
        return watch

    def test_told_to_stop(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.aws.clear()
                request = self.request()
                watch = self.asleep(request)
                started = time.monotonic()
                watch.process.send_signal(number)
                run = watch.finish()
                self.assertLess(time.monotonic() - started, 25, run)
                self.ends(run, 7, "interrupted")
                body = self.told(request, "FAILED")
                self.assertEqual((body["Data"]["Applied"], body["Data"]["Pending"]), ("1", "2"))

    def test_told_to_stop_while_s3_fails(self):
        request = self.request()
        watch = self.asleep(request)
        self.aws.fail("ServiceUnavailable", 3, where="cloudformation")
        started = time.monotonic()
        watch.process.send_signal(signal.SIGTERM)
        self.ends(watch.finish(), 7, "interrupted")
        self.assertLess(time.monotonic() - started, 25)
        self.told(request, "FAILED")

    def test_told_to_stop_while_s3_is_silent(self):
        watch = self.asleep(self.request())
        self.aws.fail("hang", 9, where="cloudformation")
        started = time.monotonic()
        watch.process.send_signal(signal.SIGTERM)
        run = watch.finish()
        self.assertLess(time.monotonic() - started, 25)
        self.ends(run, 7, "interrupted")
        self.assertTrue([line for line in run.log if "not answered" in line["msg"]], run)

    def test_no_longer_than_the_stack_waits(self):
        request = self.request(ResourceProperties={"ServiceTimeout": "6"})
        started = time.monotonic()
        run = self.start(request, plan=self.lab.plan(SLOW, self.lab.database()))
        self.assertLess(time.monotonic() - started, 12)
        self.ends(run, 7, "interrupted")
        self.told(request, "FAILED")


class Unseen(StackCase):
    """The URL is a credential: who else could read it."""

    def test_proc(self):
        for how, key in (("variable", "Response\\u0055RL"), ("argument", "ResponseURL")):
            with self.subTest(how):
                self.aws.clear()
                db = self.lab.database()
                request = self.request()
                text = json.dumps(request).replace("ResponseURL", key)
                args, event = (["--event", text], None) if how == "argument" else ([], text)
                process = self.lab.start_run(
                    "run", "--json", *args, event=event,
                    plan=self.lab.plan({"0001_slow.sql": "select pg_sleep(2);\n"}, db))
                self.lab.wait_for(db, ASLEEP, "1")
                for name in ("cmdline", "environ"):
                    with open(f"/proc/{process.pid}/{name}", "rb") as stream:
                        shown = stream.read()
                    self.lab.check_secrets(f"/proc/PID/{name}", shown)
                    self.assertNotIn(b"X-Amz-Signature", shown)
                self.assertEqual(self.lab.finish(process).code, 0)
                self.told(request, "SUCCESS")

    def test_commands_do_not_get_it(self):
        request = self.request()
        plan = self.lab.plan({}, self.lab.database(), migrations=[
            {"id": "seed", "command": ["sh", "-c", "echo \"<$POSTLUDE_EVENT>\"; ! env | grep ResponseURL"]}])
        run = self.start(request, "--log-level", "debug", plan=plan)
        self.ends(run, 0, "applied")
        self.assertTrue(any(line["msg"] == "<>" for line in run.log), run)

    def test_errors(self):
        # Debug level, text and JSON, an event that is cut off in the middle of its URL.
        text = json.dumps(self.request())
        at = text.index("X-Amz-Signature") + 40
        plan = self.lab.plan(ORDERS)
        for event in (text[:at], text[:at] + "}", text.replace('"', ""), f"[{text}]"):
            for log in ("text", "json"):
                run = self.lab.run("run", "--log", log, "--log-level", "debug", plan=plan,
                                   event=event, as_json=False)
                self.assertEqual(run.code, 3, run)
                self.assertNotIn("X-Amz-Signature", run.out + run.err)


class Looking(StackCase):
    """Verbs and options that change nothing tell no stack anything."""

    def test_dry_run(self):
        db = self.lab.database()
        run = self.start(self.request(), "--dry-run", plan=self.lab.plan(ORDERS, db))
        report = self.ends(run, 0, "nothing")
        self.assertEqual(report["pending"], ORDER_IDS)
        self.assertTrue(any("goes on waiting" in line["msg"] for line in run.log), run)
        self.untold()

    def test_validate(self):
        plan = self.lab.plan(ORDERS)
        for request, code, event, told in (
                (self.request(), 0, "run", "SUCCESS or FAILED"),
                (self.request("Delete"), 0, "ignored", "SUCCESS"),
                (self.request("Upsert"), 3, "refused", "FAILED"),
                (self.request(ResponseURL="https://evil.example/"), 3, "refused", None)):
            with self.subTest(request["RequestType"]):
                run = self.lab.run("validate", "--event", json.dumps(request), plan=plan)
                self.assertEqual((run.code, run.report["event"], run.report["stack_told"]),
                                 (code, event, told), run)
                run = self.lab.run("validate", "--event", json.dumps(request), plan=plan,
                                   as_json=False)
                self.assertEqual("would be told" in run.out, told is not None, run)
        self.untold()


if __name__ == "__main__":
    main()
