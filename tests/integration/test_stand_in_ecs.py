"""ECS of the stand-in: what AWS refuses is refused in AWS's words, and a token stands for one task.

Without a database: no program is started here.
"""

import json
import uuid

from case import main
from stand_in_case import StandIn

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"], "assignPublicIp": "DISABLED"}}


class RunTask(StandIn):
    """RunTask and DescribeTasks."""

    def setUp(self):
        super().setUp()
        self.ecs = self.aws.ecs
        self.arn = self.ecs.register("orders-migrate", {"postlude": {"image": "orders-migrate:42"}})

    def run_task(self, value="x", **changes):
        """One that never starts, unless it is refused."""
        request = {"cluster": "ops", "taskDefinition": self.arn, "launchType": "FARGATE",
                   "networkConfiguration": NETWORK, "overrides": {"containerOverrides": [{
                       "name": "postlude", "environment": [{"name": "A", "value": value}]}]},
                   **changes}
        self.ecs.lose_image()
        try:
            return self.client("ecs").run_task(
                **{key: member for key, member in request.items() if member is not None})
        finally:
            self.ecs.forget()

    def refuses(self, code, words, **changes):
        self.assertIn(words, self.refused(code, 400, self.run_task, **changes))
        self.assertEqual(self.ecs.tasks, [])

    def test_what_is_refused(self):
        other = {"containerOverrides": [{"name": "app", "command": ["check"]}]}
        for code, words, changes in (
                ("InvalidParameterException", "is not a container in", {"overrides": other}),
                ("InvalidParameterException", "at most 8192", {"value": "x" * 8192}),
                ("InvalidParameterException", "clientToken", {"clientToken": "x" * 65}),
                ("InvalidParameterException", "started by", {"startedBy": "x" * 129}),
                ("InvalidParameterException", "started by", {"startedBy": "a b"}),
                ("InvalidParameterException", "Network", {"networkConfiguration": None}),
                ("ClusterNotFoundException", "not found", {"cluster": "elsewhere"}),
                ("ClientException", "describe", {"taskDefinition": self.arn + "7"})):
            with self.subTest(words):
                self.refuses(code, words, **changes)

    def test_the_overrides_limit_counts_every_character(self):
        frame = len(json.dumps({"containerOverrides": [{"name": "postlude", "environment": [
            {"name": "A", "value": ""}]}]}, separators=(",", ":")))
        self.refuses("InvalidParameterException", "8192", value="x" * (8193 - frame))
        self.refuses("InvalidParameterException", "8192", value='"' * ((8194 - frame) // 2))
        self.assertEqual(len(self.run_task(value="x" * (8192 - frame))["tasks"]), 1)

    def test_rights(self):
        for action in ("ecs:RunTask", "iam:PassRole"):
            self.aws.deny(action)
            self.refuses("AccessDeniedException", f"not authorized to perform: {action} on")
            self.aws.allow(action)

    def test_a_revision_that_is_gone(self):
        self.ecs.deregister(self.arn)
        self.refuses("ClientException", "inactive")

    def test_members_that_are_not_the_model_s(self):
        client = self.client("ecs")
        client.meta.events.register("before-call", lambda params, **_: params.update(
            body=params["body"].replace(b'"launchType"', b'"lunchType"')))
        message = self.refused("InvalidParameterException", 400, client.run_task,
                               taskDefinition=self.arn, launchType="FARGATE", cluster="ops")
        self.assertIn("lunchType", message)

    def test_one_task_a_token(self):
        token = str(uuid.uuid4())
        first, second = (self.run_task(clientToken=token)["tasks"][0]["taskArn"] for _ in "ab")
        self.assertEqual(first, second)
        self.assertEqual(len(self.ecs.tasks), 1)
        message = self.refused("ConflictException", 400, self.run_task, clientToken=token,
                               value="y")
        self.assertIn(first, message)
        # A client without a token of its own gets one for each call.
        self.assertNotEqual(self.run_task()["tasks"][0]["taskArn"], first)

    def test_no_room(self):
        self.ecs.refuse(reason="RESOURCE:FARGATE", detail="no room")
        said = self.run_task()
        self.assertEqual((said["tasks"], said["failures"]),
                         ([], [{"reason": "RESOURCE:FARGATE", "detail": "no room"}]))
        self.assertEqual(self.ecs.tasks, [])

    def test_a_task_that_never_starts(self):
        arn = self.run_task(startedBy="cloudformation/Migration")["tasks"][0]["taskArn"]
        found = self.client("ecs").describe_tasks(cluster=self.ecs.cluster, tasks=[arn, arn + "0"])
        self.assertEqual(found["failures"], [{"arn": arn + "0", "reason": "MISSING"}])
        task, event = found["tasks"][0], self.ecs.tasks[0].event()
        for shown in (task, event["detail"]):
            self.assertEqual((shown["lastStatus"], shown["stopCode"], shown["startedBy"]),
                             ("STOPPED", "TaskFailedToStart", "cloudformation/Migration"))
            self.assertIn("CannotPullContainerError", shown["stoppedReason"])
            self.assertIn("orders-migrate:42", shown["containers"][0]["reason"])
            self.assertNotIn("exitCode", shown["containers"][0])
            self.assertEqual(shown["overrides"]["containerOverrides"][0]["environment"],
                             [{"name": "A", "value": "x"}])
        self.assertEqual((event["source"], event["detail-type"], event["resources"]),
                         ("aws.ecs", "ECS Task State Change", [arn]))
        # A moment is a number there, and a text here.
        self.assertEqual(task["createdAt"].year, int(event["detail"]["createdAt"][:4]))


if __name__ == "__main__":
    main()
