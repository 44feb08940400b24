"""Requests of CloudFormation for a custom resource, and what their stack is told."""

import unittest
import uuid

STACK = "arn:aws:cloudformation:eu-west-3:210987654321:stack/orders/9a7e0c10-5d0b-11f0-9f3e"


class RequestCase(unittest.TestCase):
    """The test has a stand-in for AWS at self.aws; self.url is one of its response URLs, made by
    the name self.answers_at."""

    aws = url = None
    answers_at = "answer"

    def properties(self):
        """The resource's."""
        return {"PlanDigest": "sha256:1"}

    def request(self, kind="Create", **changes):
        """A request as CloudFormation sends it; a member that is None is left out."""
        request = {"RequestType": kind, "ResponseURL": self.url, "StackId": STACK,
                   "ServiceToken": "arn:aws:lambda:eu-west-3:210987654321:function:start",
                   "RequestId": str(uuid.uuid4()), "LogicalResourceId": "Migration",
                   "ResourceType": "Custom::Migration",
                   "ResourceProperties": self.properties(), **changes}
        if kind != "Create":
            request.setdefault("PhysicalResourceId", "postlude-orders")
        return {key: value for key, value in request.items() if value is not None}

    def told(self, request, status, *words, made=None):
        """Asserts that the stack was told this once, as S3 and CloudFormation want it; the body.
        made: the physical id of what was created, where that is known before."""
        answers = self.aws.answers(self.answers_at)
        self.assertEqual(len(answers), 1, self.aws.requests("cloudformation"))
        answer = answers[0]
        self.assertNotIn("content-type", answer["headers"])
        self.assertNotIn("transfer-encoding", answer["headers"])
        self.assertEqual(answer["headers"]["content-length"], str(len(answer["raw"])))
        self.assertLessEqual(len(answer["raw"]), 4096)
        self.assertTrue(request["ResponseURL"].endswith(answer["path"]), answer["path"])
        body = answer["body"]
        self.assertEqual(body["Status"], status, body)
        for key in ("StackId", "RequestId", "LogicalResourceId"):
            self.assertEqual(body[key], request.get(key, ""))
        self.assertEqual(body["PhysicalResourceId"],
                         request.get("PhysicalResourceId", made or body["PhysicalResourceId"]))
        self.assertTrue(body["Reason"])
        for word in words:
            self.assertIn(word, body["Reason"])
        self.assertTrue(all(isinstance(value, str) for value in body["Data"].values()), body)
        return body

    def untold(self):
        """Asserts that nobody tried to tell the stack anything."""
        self.assertEqual(self.aws.requests("cloudformation"), [])
