"""What the tests of the function that starts postlude share: requests of CloudFormation, and
its answers.

It is the shipped file; the test has a stand-in for AWS at self.aws, which has to know the task
definition self.revision.
"""

import json
import unittest
import uuid

import case  # for the path to the laboratory  pylint: disable=unused-import

from function import Function

STACK = "arn:aws:cloudformation:eu-west-3:210987654321:stack/orders/9a7e0c10-5d0b-11f0-9f3e"
RUN_TASK = {"cluster": "ops", "launchType": "FARGATE", "networkConfiguration": {
    "awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"], "assignPublicIp": "DISABLED"}}}


class RequestCase(unittest.TestCase):
    """Requests, and what their stack is told."""

    aws = revision = url = None

    def function(self):
        """The function, started cold."""
        return Function(self.aws, RUN_TASK=json.dumps(RUN_TASK), CONTAINER="postlude")

    def request(self, kind="Create", **changes):
        """A request as CloudFormation sends it; a member that is None is left out."""
        request = {"RequestType": kind, "ResponseURL": self.url, "StackId": STACK,
                   "ServiceToken": "arn:aws:lambda:eu-west-3:210987654321:function:start",
                   "RequestId": str(uuid.uuid4()), "LogicalResourceId": "Migration",
                   "ResourceType": "Custom::Migration",
                   "ResourceProperties": {"TaskDefinition": self.revision}, **changes}
        if kind != "Create":
            request.setdefault("PhysicalResourceId", "postlude-orders")
        return {key: value for key, value in request.items() if value is not None}

    def told(self, request, status, *words, made="postlude"):
        """Asserts that the stack was told this once, as S3 and CloudFormation want it; the body.
        made: the physical id of what was created."""
        answers = self.aws.answers()
        self.assertEqual(len(answers), 1, self.aws.requests("cloudformation"))
        self.assertNotIn("content-type", answers[0]["headers"])
        self.assertNotIn("transfer-encoding", answers[0]["headers"])
        self.assertLessEqual(len(answers[0]["raw"]), 4096)
        body = answers[0]["body"]
        self.assertEqual(body["Status"], status, body)
        for key in ("StackId", "RequestId", "LogicalResourceId"):
            self.assertEqual(body[key], request[key])
        self.assertEqual(body["PhysicalResourceId"], request.get("PhysicalResourceId", made))
        for word in words:
            self.assertIn(word, body["Reason"])
        return body

    def untold(self):
        """Asserts that nobody tried to tell the stack anything."""
        self.assertEqual(self.aws.requests("cloudformation"), [])
