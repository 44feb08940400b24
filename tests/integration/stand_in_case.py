"""What the tests of the stand-in for AWS share: an endpoint a test, and botocore's clients of it."""

import unittest

import case  # for the path to the laboratory  pylint: disable=unused-import

# pylint: disable=wrong-import-order
import botocore.exceptions
from botocore.config import Config
from botocore.credentials import Credentials

from aws_ecs import session
from aws_endpoint import AwsEndpoint

EXECUTION = "5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18"
ROLE = "arn:aws:iam::210987654321:role/lab"
TASK = "arn:aws:ecs:eu-west-3:210987654321:task/ops/0cf1d9a27e5b4c38a1d64f0b9e7723aa"
SESSION = session()  # it reads each service's model once
ONCE = Config(retries={"total_max_attempts": 1})


class StandIn(unittest.TestCase):
    """One endpoint a test, and botocore's clients of it."""

    def setUp(self):
        self.aws = AwsEndpoint().start()
        self.addCleanup(self.aws.stop)

    def client(self, service, region="eu-west-3", credentials=None, config=ONCE):
        """A client that is told nothing but where to ask."""
        if credentials is None:
            env = self.aws.static_environment()
            credentials = Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        return SESSION.create_client(
            service, region_name=region, endpoint_url=self.aws.url, config=config,
            aws_access_key_id=credentials.access_key, aws_session_token=credentials.token,
            aws_secret_access_key=credentials.secret_key)

    def call(self, service, **how):
        """One harmless call of a service."""
        client = self.client(service, **how)
        return {
            "sns": lambda: client.publish(TopicArn=self.aws.arn("orders"), Message="hi"),
            "sts": lambda: client.assume_role(RoleArn=ROLE, RoleSessionName="lab"),
            "secretsmanager": lambda: client.get_secret_value(SecretId="ledger"),
            "ssm": lambda: client.get_parameter(Name="/ledger/host"),
            "codepipeline": lambda: client.get_pipeline_execution(
                pipelineName="orders-prod", pipelineExecutionId=EXECUTION),
            "ecs": lambda: client.describe_tasks(cluster="ops", tasks=[TASK])}[service]()

    def refused(self, code, status, call, *args, **kwargs):
        """Asserts what a call ends in, as botocore reads it; returns the message."""
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(*args, **kwargs)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"],
                          answer["ResponseMetadata"]["HTTPStatusCode"]), (code, status))
        self.assertFalse(self.aws.requests()[-1]["accepted"])
        return answer["Error"]["Message"]

    def fill(self):
        """What the calls of `call` ask for."""
        self.aws.put_secret("ledger", {"username": "migrator", "password": "open-sesame"})
        self.aws.put_parameter("/ledger/host", "db.example.com")
        self.aws.put_execution("orders-prod", EXECUTION)
