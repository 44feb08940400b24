"""The function of config/cdk/lambda as Lambda runs it: one process, events in JSON, a clock.

    start = Function(aws, RUN_TASK=json.dumps({...}), CONTAINER="postlude")
    done = start.invoke(event)

botocore's clients lead to the stand-in for AWS. What the function waits costs nothing but time that
it has left. What it writes and raises, which Lambda logs, is searched for secrets.
"""

import contextlib
import importlib.util
import io
import json
import os
import sys
import traceback
from types import SimpleNamespace
from unittest import mock

import boto3

from aws_ecs import session
from runs import Leak, find_secret

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "config", "cdk", "lambda", "start.py")


class Context:
    """What is left of an invocation's time."""

    def __init__(self, seconds):
        self.left = seconds
        self.slept = []

    def sleep(self, seconds):
        """Spends it."""
        self.slept.append(seconds)
        self.left -= seconds

    def get_remaining_time_in_millis(self):
        """As Lambda has it."""
        return int(self.left * 1000)


class Invocation:
    """What one came to: what was logged, how long it waited, and what was raised, or None."""

    def __init__(self, log, slept, error):
        self.log = log
        self.slept = slept
        self.error = error

    def __str__(self):
        return f"waited {self.slept}, raised {self.error!r}\n{self.log}"


class Function:
    """The function, started cold once."""

    def __init__(self, aws, **variables):
        self.aws = aws
        self.variables = variables
        self._context = None
        spec = importlib.util.spec_from_file_location("start", SOURCE)
        self._module = importlib.util.module_from_spec(spec)
        with mock.patch.object(boto3, "client", self._client), \
                mock.patch.object(sys, "dont_write_bytecode", True):
            spec.loader.exec_module(self._module)
        self._module.time = SimpleNamespace(sleep=lambda seconds: self._context.sleep(seconds))

    def _client(self, service, **how):
        env = self.aws.static_environment()
        return boto3.Session(botocore_session=session()).client(
            service, region_name=self.aws.region, endpoint_url=self.aws.url,
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"], **how)

    def invoke(self, event, seconds=240):
        """Handles one event."""
        self._context = Context(seconds)
        error, out = None, io.StringIO()
        with mock.patch.dict(os.environ, self.variables), contextlib.redirect_stdout(out):
            try:
                self._module.handler(json.loads(json.dumps(event)), self._context)
            except Exception as raised:  # pylint: disable=broad-exception-caught
                error = raised
                out.write(traceback.format_exc())
        found = find_secret(self.aws.secrets(), out.getvalue())
        if found:
            raise Leak(f"a secret is in the function's log: ...{found}...")
        return Invocation(out.getvalue(), self._context.slept, error)
