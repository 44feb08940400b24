"""What the tests of the function that starts postlude share: the function, and requests for it.

It is the shipped file; the test has a stand-in for AWS at self.aws, which has to know the task
definition self.revision.
"""

import json

import case  # for the path to the laboratory  pylint: disable=unused-import
from request_case import RequestCase

from function import Function

RUN_TASK = {"cluster": "ops", "launchType": "FARGATE", "networkConfiguration": {
    "awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"], "assignPublicIp": "DISABLED"}}}


class FunctionCase(RequestCase):
    """Requests that come to the function first."""

    revision = None

    def function(self):
        """The function, started cold."""
        return Function(self.aws, RUN_TASK=json.dumps(RUN_TASK), CONTAINER="postlude")

    def properties(self):
        return {"TaskDefinition": self.revision}

    def told(self, request, status, *words, made="postlude"):
        """As ever; what the function itself says of what was created is the default of made."""
        return super().told(request, status, *words, made=made)
