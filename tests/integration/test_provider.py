"""The function that starts postlude for a custom resource: what it does when it can start nothing,
and when a task has stopped. The shipped file is run; that the runs come to something is
test_three_ways.py's.

Without a database. The response URL's signature and token are secrets: that no log of the function
holds them is part of every test.
"""

import json
import os
import unittest

from case import main
from provider_case import RUN_TASK, FunctionCase
from request_case import STACK

from aws_endpoint import AwsEndpoint
from function import SOURCE


class ProviderCase(FunctionCase):
    """A stand-in for AWS, and the function started cold, once a test."""

    def setUp(self):
        self.aws = AwsEndpoint().start()
        self.addCleanup(self.aws.stop)
        self.ecs = self.aws.ecs
        self.revision = self.ecs.register("orders-migrate", {"postlude": {}, "forwarder": {}})
        self.url = self.aws.response_url()
        self.start = self.function()

    def calls(self, action):
        """The requests of ECS of this kind, as they came."""
        return [call["body"] for call in self.aws.requests("ecs") if call["action"] == action]

    def fails(self, *words, calls=1, request=None, **how):
        """Asserts that a request is answered FAILED with these words, after so many RunTasks."""
        request = request or self.request()
        done = self.start.invoke(request, **how)
        self.assertIsNone(done.error, done)
        self.told(request, "FAILED", *words)
        self.assertEqual(len(self.calls("RunTask")), calls, done)
        return done


class Delete(ProviderCase):
    """Nothing is started."""

    def test_is_answered(self):
        for name in ("postlude-orders", "never-created", "2031/03/14/[$LATEST]\u00e9\"\\"):
            with self.subTest(name):
                self.aws.clear()
                request = self.request("Delete", PhysicalResourceId=name)
                self.assertIsNone(self.start.invoke(request).error)
                self.told(request, "SUCCESS")
        self.assertEqual(self.aws.requests("ecs"), [])

    def test_without_properties_or_configuration(self):
        self.start.variables = {}
        request = self.request("Delete", ResourceProperties=None)
        self.assertIsNone(self.start.invoke(request).error)
        self.told(request, "SUCCESS")


class Refused(ProviderCase):
    """RunTask says no."""

    def test_final(self):
        elsewhere = json.dumps({**RUN_TASK, "cluster": "elsewhere"})
        for words, change in (
                (("inactive", "roll back"), lambda: self.ecs.deregister(self.revision)),
                (("not a container", "CONTAINER"),
                 lambda: self.start.variables.update(CONTAINER="app")),
                (("Cluster not found", "RUN_TASK names a cluster"),
                 lambda: self.start.variables.update(RUN_TASK=elsewhere)),
                (("Network Configuration must be",),
                 lambda: self.start.variables.update(RUN_TASK='{"cluster": "ops"}')),
                (("BlockedException",), lambda: self.aws.fail("BlockedException", where="ecs"))):
            with self.subTest(words):
                self.aws.clear()
                self.start.variables.update(RUN_TASK=json.dumps(RUN_TASK), CONTAINER="postlude")
                self.revision = self.ecs.register("orders-migrate", {"postlude": {}})
                change()
                done = self.fails(*words)
                self.assertEqual(done.slept, [])
        self.assertEqual(self.ecs.tasks, [])

    def test_a_role_for_longer_than_it_is_new(self):
        for words, change in (
                (("ecs:RunTask", "Allow the function's"), lambda: self.aws.deny("ecs:RunTask")),
                (("iam:PassRole", "Allow the function's role iam:PassRole"),
                 lambda: self.aws.deny("iam:PassRole")),
                (("unable to assume", "Let ecs-tasks"),
                 lambda: self.aws.fail("ClientException", 99, where="ecs"))):
            with self.subTest(words):
                self.aws.clear()
                change()
                done = self.fails(*words, calls=6)
                self.assertEqual(done.slept, [2, 4, 8, 16, 30])

    def test_a_role_that_is_known_in_the_end(self):
        # A stack makes role, function and resource in seconds; IAM may be behind by more.
        self.aws.fail("AccessDeniedException", 2, where="ecs")
        self.aws.fail("ClientException", 1, where="ecs")
        self.ecs.lose_image()
        done = self.start.invoke(self.request())
        self.assertIsNone(done.error, done)
        self.assertEqual((len(self.ecs.tasks), done.slept), (1, [2, 4, 8]), done)
        self.untold()

    def test_no_room_for_long(self):
        self.ecs.refuse(99)
        done = self.fails("Capacity is unavailable", "availability zones", calls=9)
        self.assertEqual(done.slept, [2, 4, 8, 16, 30, 30, 30, 30])
        self.assertEqual(len({call["clientToken"] for call in self.calls("RunTask")}), 1)

    def test_a_stack_that_waits_less(self):
        # The task has to be started while the stack waits long enough for it.
        self.ecs.refuse(99)
        done = self.fails("Capacity", calls=3, request=self.request(ResourceProperties={
            "TaskDefinition": self.revision, "ServiceTimeout": "240"}))
        self.assertEqual(done.slept, [2, 4])

    def test_room_after_a_while(self):
        self.ecs.refuse(2)
        self.aws.fail("ThrottlingException", 3, where="ecs")
        self.aws.fail("ServerException", 1, where="ecs")
        self.ecs.lose_image()  # it is enough that it was taken
        done = self.start.invoke(self.request())
        self.assertIsNone(done.error, done)
        self.assertEqual(len(self.ecs.tasks), 1, done)
        self.assertEqual(done.slept, [2, 4, 8, 16])
        self.untold()

    def test_throttling_in_other_words(self):
        self.ecs.refuse(1, "RESOURCE:ENI")
        self.ecs.lose_image()
        done = self.start.invoke(self.request())
        self.assertEqual((len(self.ecs.tasks), done.slept), (1, [2]), done)

    def test_ecs_is_out_of_reach(self):
        self.aws.fail("close", 99, where="ecs")
        self.fails("the task was not started", "closed", calls=8, seconds=75)  # each twice

    def test_little_time(self):
        # What is left is for the answer.
        self.ecs.refuse(99)
        done = self.fails("Capacity", calls=1, seconds=50)
        self.assertEqual(done.slept, [])

    def test_no_task_and_no_reason(self):
        self.ecs.refuse(99, reason=None)
        self.fails("names no reason", calls=1, seconds=50)

    def test_what_nobody_expected(self):
        for words, changes, variables in (
                (("TaskDefinition",), {"ResourceProperties": {}}, {}),
                (("TaskDefinition",), {"ResourceProperties": None}, {}),
                (("JSONDecodeError",), {}, {"RUN_TASK": "{"}),
                (("AttributeError",), {"ResourceProperties": "none"}, {}),
                (("Parameter validation failed",), {}, {"RUN_TASK": '{"lunchType": "FARGATE"}'}),
                (("Parameter validation failed",), {"ResourceProperties": {"TaskDefinition": {
                    "Ref": "X"}}}, {})):
            with self.subTest(words):
                self.aws.clear()
                self.start.variables.update({"RUN_TASK": json.dumps(RUN_TASK), **variables})
                self.fails(*words, calls=0, request=self.request(**changes))
        del self.start.variables["RUN_TASK"]
        self.aws.clear()
        self.fails("RUN_TASK", calls=0)

    def test_a_request_that_is_malformed(self):
        for changes in ({"RequestId": None}, {"LogicalResourceId": None}):
            with self.subTest(changes):
                self.aws.clear()
                self.start.invoke(self.request(**changes))
                self.assertEqual([one["body"]["Status"] for one in self.aws.answers()], ["FAILED"])


class Passed(ProviderCase):
    """What RunTask gets."""

    def run_request(self, **changes):
        self.ecs.lose_image()
        request = self.request(**changes)
        done = self.start.invoke(request)
        self.assertIsNone(done.error, done)
        self.untold()
        return request, self.calls("RunTask")[-1]

    def test_request(self):
        request, call = self.run_request(kind="Update", OldResourceProperties={"Digest": "0"})
        override, = call["overrides"]["containerOverrides"]
        variable, = override["environment"]
        self.assertEqual((override["name"], variable["name"]), ("postlude", "POSTLUDE_EVENT"))
        self.assertEqual(json.loads(variable["value"]), {key: request[key] for key in (
            "RequestType", "ResponseURL", "StackId", "RequestId", "LogicalResourceId",
            "PhysicalResourceId")} | {"ResourceProperties": {"ServiceTimeout": "3600"}})
        self.assertEqual({key: call[key] for key in RUN_TASK}, RUN_TASK)
        self.assertEqual((call["taskDefinition"], call["clientToken"], call["startedBy"]),
                         (self.revision, request["RequestId"], "cloudformation/Migration"))

    def test_service_timeout(self):
        _, call = self.run_request(ResourceProperties={"TaskDefinition": self.revision,
                                                       "ServiceTimeout": "600", "Digest": "1"})
        event = json.loads(call["overrides"]["containerOverrides"][0]["environment"][0]["value"])
        self.assertEqual(event["ResourceProperties"], {"ServiceTimeout": "600"})

    def test_service_timeout_that_the_request_does_not_name(self):
        self.start.variables.update(TIMEOUT="900")
        _, call = self.run_request(ResourceProperties={"TaskDefinition": self.revision})
        event = json.loads(call["overrides"]["containerOverrides"][0]["environment"][0]["value"])
        self.assertEqual(event["ResourceProperties"], {"ServiceTimeout": "900"})

    def test_large_properties_and_long_names(self):
        # A URL of 4 KB and long ids have room.
        self.url = self.aws.response_url(token_bytes=3000)
        _, call = self.run_request(
            kind="Update", PhysicalResourceId="x" * 1024, LogicalResourceId="M" * 255,
            ResourceProperties={"TaskDefinition": self.revision, "Data": "x" * 200000})
        self.assertEqual(len(call["startedBy"]), 128)

    def test_a_url_that_is_too_long(self):
        self.url = self.aws.response_url(token_bytes=6000)
        self.fails("at most 8192", "shorter logical id")

    def test_twice(self):
        self.ecs.lose_image()
        request = self.request()
        for _ in "ab":
            self.assertIsNone(self.start.invoke(request).error)
        self.assertEqual(len(self.ecs.tasks), 1)
        # And by a function that was changed in between.
        self.start.variables["RUN_TASK"] = json.dumps({**RUN_TASK, "platformVersion": "1.4.0"})
        self.assertIsNone(self.start.invoke(request).error)
        self.assertEqual(len(self.ecs.tasks), 1)
        self.untold()


class Stopped(ProviderCase):
    """The event of a task that has stopped."""

    def stopped(self, code, reason=None, task_reason="Essential container in task exited",
                **changes):
        """The request, and the event of its task, which has ended so."""
        self.aws.clear()
        self.ecs.lose_image()
        request = self.request(**changes)
        self.assertIsNone(self.start.invoke(request).error)
        event = self.ecs.tasks[-1].event()
        container = event["detail"]["containers"][0]
        if code is not None:
            event["detail"]["stoppedReason"] = task_reason
            container.update(exitCode=code, reason=reason)
            if reason is None:
                del container["reason"]
        return request, event

    def test_answered(self):
        for code, reason, words in (
                (None, None, ("never started", "CannotPullContainerError", "ecr.dkr")),
                (137, "OutOfMemoryError: Container killed due to memory usage",
                 ("exit code 137", "OutOfMemory", "more memory")),
                (139, None, ("exit code 139", "Essential container in task exited")),
                (127, None, ("exit code 127",)), (255, None, ("exit code 255",)),
                (1, None, ("exit code 1:", "the stack was not answered", "S3")),
                (4, None, ("exit code 4",)), (7, None, ("exit code 7",)),
                (10, None, ("exit code 10",))):
            for kind in ("Create", "Update"):
                with self.subTest((code, kind)):
                    request, event = self.stopped(code, reason, kind=kind)
                    self.assertIsNone(self.start.invoke(event).error)
                    self.told(request, "FAILED", event["detail"]["taskArn"], *words)

    def test_whichever_container_comes_first(self):
        request, event = self.stopped(137)
        event["detail"]["containers"].reverse()
        event["detail"]["containers"][0]["exitCode"] = 0
        self.assertIsNone(self.start.invoke(event).error)
        self.told(request, "FAILED", "exit code 137")

    def test_the_database_is_as_it_should_be(self):
        request, event = self.stopped(8)
        self.assertIsNone(self.start.invoke(event).error)
        body = self.told(request, "SUCCESS", "exit code 8")
        self.assertEqual(set(body["Data"]), {"Outcome", "RunId", "Applied", "AlreadyApplied",
                                             "Pending"})

    def test_not_answered(self):
        _, event = self.stopped(0)
        running = {**event, "detail": {**event["detail"], "lastStatus": "DEPROVISIONING"}}
        running["detail"]["containers"] = [{"name": "postlude"}]
        _, other = self.stopped(137)
        other["detail"]["startedBy"] = "events-rule/orders"
        for name, one in (("well", event), ("not yet", running), ("not ours", other)):
            with self.subTest(name):
                done = self.start.invoke(one)
                self.assertIsNone(done.error, done)
        self.assertEqual(self.calls("DescribeTasks"), [])
        self.untold()

    def test_by_hand_and_of_no_request(self):
        _, event = self.stopped(None)
        task = self.ecs.tasks[-1]
        for environment in ([], [{"name": "POSTLUDE_REASON", "value": "hotfix"}]):
            task.overrides = {"containerOverrides": [{"name": "postlude",
                                                      "environment": environment}]}
            done = self.start.invoke(event)
            self.assertIsNone(done.error, done)
            self.assertIn("no request", done.log)
        self.untold()

    def test_a_task_that_ecs_has_forgotten(self):
        _, event = self.stopped(None)
        self.ecs.tasks.clear()
        self.assertIn("no request", self.start.invoke(event).log)
        self.untold()

    def test_describe_tasks_fails(self):
        # Lambda gives the event again, twice.
        request, event = self.stopped(None)
        self.aws.deny("ecs:DescribeTasks")
        self.assertIn("ecs:DescribeTasks", str(self.start.invoke(event).error))
        self.untold()
        self.aws.allow("ecs:DescribeTasks")
        self.assertIsNone(self.start.invoke(event).error)
        self.told(request, "FAILED")


class Answer(ProviderCase):
    """What S3 may say, and where no answer goes."""

    def test_tried_again(self):
        for kind in ("ServiceUnavailable", "InternalError", "RequestTimeout", "close", "html"):
            with self.subTest(kind):
                self.aws.clear()
                self.aws.fail(kind, 2, where="cloudformation")
                request = self.request("Delete")
                done = self.start.invoke(request)
                self.assertEqual((done.error, done.slept), (None, [1, 2]), done)
                self.told(request, "SUCCESS")

    def test_given_up(self):
        # Lambda invokes it again, as it does with what raises.
        for kind in ("AccessDenied", "redirect", "close"):
            with self.subTest(kind):
                self.aws.clear()
                self.aws.fail(kind, 99, where="cloudformation")
                done = self.start.invoke(self.request("Delete"))
                self.assertIn("not answered", str(done.error))
                self.assertEqual(len(self.aws.requests("cloudformation")), 6)
                self.assertEqual([one for one in self.aws.requests() if "elsewhere" in one["path"]],
                                 [])

    def test_little_time(self):
        self.aws.fail("close", 99, where="cloudformation")
        done = self.start.invoke(self.request("Delete"), seconds=17)
        self.assertIn("not answered", str(done.error))
        self.assertLess(sum(done.slept), 5)

    def test_a_long_reason(self):
        for character in "x\u00e9\u20ac\"\\\n":
            with self.subTest(character):
                self.aws.clear()
                self.ecs.refuse(1, character * 6000)
                request = self.request("Update", PhysicalResourceId="\u00e9" * 512,
                                       StackId=STACK + "x" * 900)
                self.start.invoke(request, seconds=50)
                self.told(request, "FAILED", character * 100)
                self.assertGreater(len(self.aws.answers()[0]["raw"]), 3800)

    def test_urls_that_are_refused(self):
        secret = "X-Amz-Signature=0c0ffee05b1c7e0a9f424d1e8a630c2f7d9e4b18"
        self.aws.hide(secret)
        for url in ("https://s3.eu-west-3.amazonaws.com.evil.example/x",
                    "https://evil.example/s3.eu-west-3.amazonaws.com/x",
                    "https://s3.eu-west-3.amazonaws.com:8443/x",
                    "https://s3evil.eu-west-3.amazonaws.com/x",
                    "https://abc.execute-api.eu-west-3.amazonaws.com/x",
                    "https://sns.eu-west-3.amazonaws.com/x",
                    "http://s3.eu-west-3.amazonaws.com/x", "http://169.254.170.2/x",
                    f"https://s3.eu-west-3.amazonaws.com@127.0.0.1:{self.aws.port}/x",
                    f"http://127.0.0.1:{self.aws.port}@evil.example/x",
                    "https://s3.eu-west-3.amazonaws.com/x y", "https://s3.amazonaws.com/x\r\nA: b",
                    "https://s3.amazonaws.com", "ftp://s3.amazonaws.com/x", "x"):
            for kind in ("Create", "Delete"):
                with self.subTest((url, kind)):
                    done = self.start.invoke(self.request(kind, ResponseURL=f"{url}?{secret}"))
                    self.assertIn("not https to S3", str(done.error))
                    self.assertNotIn(secret, done.log)
        self.assertEqual(self.aws.requests(), [])

    def test_urls_that_are_taken(self):
        # As CloudFormation makes them, in each partition.
        pattern = self.start._module.URL  # pylint: disable=protected-access
        bucket = "cloudformation-custom-resource-response-euwest3"
        for host in (f"{bucket}.s3.eu-west-3.amazonaws.com", f"{bucket}.s3.amazonaws.com",
                     f"{bucket}.s3-eu-west-3.amazonaws.com", "s3.dualstack.us-east-1.amazonaws.com",
                     f"{bucket}.s3-external-1.amazonaws.com", "s3-fips.us-gov-west-1.amazonaws.com",
                     f"{bucket}.s3.cn-north-1.amazonaws.com.cn", "s3.eusc-de-east-1.amazonaws.eu",
                     "s3.us-iso-east-1.c2s.ic.gov", "s3.us-isob-east-1.sc2s.sgov.gov"):
            target = "/arn%3Aaws%3Acloudformation/%7CMigration%7C?X-Amz-Expires=72&X=%2F..%2f&y=+/=="
            match = pattern.fullmatch(f"https://{host}{target}")
            self.assertTrue(match, host)
            self.assertEqual((match[1], match[2], match[4]), ("https", host, target))

    def test_no_url(self):
        for changes in ({"ResponseURL": None}, {"ResponseURL": {"a": 1}}):
            self.assertIn("ResponseURL", str(self.start.invoke(self.request(**changes)).error))
        self.assertEqual(self.aws.requests(), [])

    def test_what_ecs_says_may_hold_it(self):
        self.ecs.refuse(99, f"no room for {self.url}")
        request = self.request()
        done = self.start.invoke(request, seconds=70)
        self.assertIn("again in 2 s: no room for ResponseURL", done.log)
        self.told(request, "FAILED", "no room for ResponseURL")


class File(unittest.TestCase):
    """It goes into templates as text."""

    def test_size(self):
        # CloudFormation takes 4 MB of inlined code, and a template sent directly 51,200 bytes.
        self.assertLess(os.path.getsize(SOURCE), 12000)


if __name__ == "__main__":
    main()
