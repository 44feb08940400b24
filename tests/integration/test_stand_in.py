"""The stand-in for AWS itself: botocore's clients are content with its services, and it lets nothing
pass.

Without postlude and without a database: what is tested is what the other tests measure with.
"""

import json
from datetime import datetime, timedelta, timezone
from unittest import mock

from case import main
from stand_in_case import EXECUTION, ONCE, ROLE, SESSION, StandIn

import botocore.exceptions
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials

import aws_faults

OTHER = "0c2f7d9e-9f42-4d1e-8a63-5b1c7e0a4b18"
NAMES = {"sns": aws_faults.SNS, "sts": aws_faults.STS, "ssm": aws_faults.SSM,
         "secretsmanager": aws_faults.SECRETS_MANAGER, "codepipeline": aws_faults.CODEPIPELINE,
         "ecs": aws_faults.ECS}


class Answers(StandIn):
    """botocore reads what it says."""

    def test_publish(self):
        self.client("sns").publish(
            TopicArn=self.aws.arn("orders"), Message="café + 100% ~ok*", Subject="orders",
            MessageAttributes={"exit_code": {"DataType": "Number", "StringValue": "3"}})
        answer = self.client("sns").publish(
            TopicArn=self.aws.arn("orders.fifo"), Message="again", MessageGroupId="ledger",
            MessageDeduplicationId="1")
        self.assertEqual(answer["SequenceNumber"], "10000000000000003001")
        first, second = self.aws.messages()
        self.assertEqual((first["message"], first["subject"], first["attributes"]),
                         ("café + 100% ~ok*", "orders", {"exit_code": ("Number", "3")}))
        self.assertEqual((second["group"], second["deduplication"]), ("ledger", "1"))
        self.assertEqual([(entry["service"], entry["action"], entry["region"], entry["accepted"])
                          for entry in self.aws.requests()],
                         [("sns", "Publish", "eu-west-3", True)] * 2)

    def test_assumed_role(self):
        self.fill()
        answer = self.call("sts")
        self.assertEqual(answer["AssumedRoleUser"]["Arn"],
                         "arn:aws:sts::210987654321:assumed-role/lab/lab")
        found = answer["Credentials"]
        left = found["Expiration"] - datetime.now(timezone.utc)
        self.assertLess(abs(left - timedelta(hours=1)), timedelta(minutes=1))
        role = Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        self.call("secretsmanager", credentials=role)
        self.assertEqual(self.client("sts", credentials=role).get_caller_identity()["Arn"],
                         answer["AssumedRoleUser"]["Arn"])
        without = Credentials(found["AccessKeyId"], found["SecretAccessKey"])
        self.refused("UnrecognizedClientException", 400, self.call, "ssm", credentials=without)
        self.aws.expire()
        self.refused("ExpiredTokenException", 400, self.call, "ssm", credentials=role)
        self.refused("ExpiredToken", 403, self.call, "sns", credentials=role)

    def test_roles(self):
        other = "arn:aws:iam::111111111111:role/pipelines/reader"
        sts = self.client("sts")
        message = self.refused("AccessDenied", 403, sts.assume_role, RoleArn=other,
                               RoleSessionName="lab")
        self.assertIn(f"sts:AssumeRole on resource: {other}", message)
        self.aws.roles.add(other)
        found = sts.assume_role(RoleArn=other, RoleSessionName="lab")
        self.assertEqual(found["AssumedRoleUser"]["Arn"],
                         "arn:aws:sts::111111111111:assumed-role/reader/lab")
        self.refused("ValidationError", 400, sts.assume_role, RoleArn=other, RoleSessionName="a b")
        self.refused("ValidationError", 400, sts.assume_role, RoleArn=other, RoleSessionName="lab",
                     DurationSeconds=43201)

    def test_secrets(self):
        arn = self.aws.put_secret("ledger/migrator", {"password": "first-word"})
        get = self.client("secretsmanager").get_secret_value
        for name in ("ledger/migrator", arn, arn[:-7]):
            answer = get(SecretId=name)
            self.assertEqual((answer["ARN"], answer["Name"], json.loads(answer["SecretString"])),
                             (arn, "ledger/migrator", {"password": "first-word"}))
            self.assertIsInstance(answer["CreatedDate"], datetime)
        self.assertEqual(self.aws.put_secret("ledger/migrator", "second"), arn)
        self.assertEqual(get(SecretId=arn)["SecretString"], "second")
        before = get(SecretId=arn, VersionStage="AWSPREVIOUS")
        self.assertEqual(before["SecretString"], '{"password": "first-word"}')
        self.assertEqual(get(SecretId=arn, VersionId=before["VersionId"])["VersionStages"],
                         ["AWSPREVIOUS"])
        self.aws.put_secret("ledger/migrator", b"\0\xff", stage="AWSPENDING")
        self.assertEqual(get(SecretId=arn, VersionStage="AWSPENDING")["SecretBinary"], b"\0\xff")
        self.assertEqual(get(SecretId=arn)["SecretString"], "second")

    def test_secrets_that_are_not_to_be_had(self):
        self.fill()
        arn = self.aws.put_secret("ledger", "one")
        get = self.client("secretsmanager").get_secret_value
        gone = ("ResourceNotFoundException", 400)
        self.refused(*gone, get, SecretId="ledge")
        self.refused(*gone, get, SecretId=arn[:-1])
        self.refused(*gone, get, SecretId="ledger", VersionStage="AWSNOWHERE")
        self.refused(*gone, get, SecretId="ledger", VersionId="0" * 36)
        self.refused(*gone, self.call, "secretsmanager", region="us-east-1")
        self.refused("AccessDeniedException", 400, get, SecretId=arn.replace("210987", "111111"))
        self.aws.delete_secret("ledger")
        self.assertIn("marked for deletion", self.refused(
            "InvalidRequestException", 400, get, SecretId="ledger"))
        self.aws.put_secret("far", "away", region="us-east-1")
        self.client("secretsmanager", "us-east-1").get_secret_value(SecretId="far")

    def test_parameters(self):
        arn = self.aws.put_parameter("/ledger/host", "one.example.com", label="old")
        self.aws.put_parameter("/ledger/host", "two.example.com")
        self.aws.put_parameter("key", "open-sesame", "SecureString")
        get = self.client("ssm").get_parameter
        for name in ("/ledger/host", arn):
            found = get(Name=name)["Parameter"]
            self.assertEqual((found["Value"], found["Version"], found["ARN"]),
                             ("two.example.com", 2, arn))
            self.assertIsInstance(found["LastModifiedDate"], datetime)
        for selector in (":1", ":old"):
            found = get(Name="/ledger/host" + selector)["Parameter"]
            self.assertEqual((found["Value"], found["Selector"]), ("one.example.com", selector))
        self.assertEqual(get(Name="key", WithDecryption=True)["Parameter"]["Value"], "open-sesame")
        self.assertNotEqual(get(Name="key")["Parameter"]["Value"], "open-sesame")
        self.refused("ParameterNotFound", 400, get, Name="/ledger")
        self.refused("ParameterNotFound", 400, get, Name="/ledger/hostname")
        self.refused("ParameterVersionNotFound", 400, get, Name="/ledger/host:9")
        self.refused("ParameterNotFound", 400, self.call, "ssm", region="us-east-1")

    def test_executions(self):
        for execution, kind in ((OTHER, "ROLLBACK"), (EXECUTION, "STANDARD")):
            self.aws.put_execution("orders-prod", execution, type=kind, stages=("Prod",),
                                   version=7, revisions=(("Source", "c0ffee"),))
        client = self.client("codepipeline")
        found = self.call("codepipeline")["pipelineExecution"]
        self.assertEqual((found["status"], found["pipelineVersion"], found["pipelineName"]),
                         ("Succeeded", 7, "orders-prod"))
        self.assertEqual(found["artifactRevisions"][0]["revisionId"], "c0ffee")
        listed = client.list_pipeline_executions(pipelineName="orders-prod", maxResults=1)
        self.assertEqual([one["pipelineExecutionId"] for one in
                          listed["pipelineExecutionSummaries"]], [EXECUTION])
        rest = client.list_pipeline_executions(pipelineName="orders-prod",
                                               nextToken=listed["nextToken"])
        self.assertEqual([one["pipelineExecutionId"] for one in
                          rest["pipelineExecutionSummaries"]], [OTHER])
        self.assertNotIn("nextToken", rest)

    def test_what_older_botocores_do_not_know_of_executions(self):
        self.aws.put_execution("orders-prod", OTHER, type="ROLLBACK", stages=("Prod",))
        self.aws.put_execution("orders-prod", EXECUTION)
        with mock.patch("botocore.parsers.JSONParser._do_parse",
                        lambda _self, response, _shape: json.loads(response["body"])):
            found = self.client("codepipeline").get_pipeline_execution(
                pipelineName="orders-prod", pipelineExecutionId=OTHER)["pipelineExecution"]
        self.assertEqual((found["executionType"], found["executionMode"]),
                         ("ROLLBACK", "SUPERSEDED"))
        self.assertIn("rollbackTargetPipelineExecutionId", found["rollbackMetadata"])

    def test_a_service_that_takes_its_time(self):
        self.aws.put_execution("orders-prod", EXECUTION, ("NotFound", "InProgress", "Succeeded"))
        self.refused("PipelineExecutionNotFoundException", 400, self.call, "codepipeline")
        self.assertEqual([self.call("codepipeline")["pipelineExecution"]["status"]
                          for _ in range(3)], ["InProgress", "Succeeded", "Succeeded"])
        self.aws.set_execution_status(EXECUTION, "Failed")
        self.assertEqual(self.call("codepipeline")["pipelineExecution"]["status"], "Failed")

    def test_executions_that_are_not_there(self):
        self.fill()
        client = self.client("codepipeline")
        get = client.get_pipeline_execution
        self.refused("PipelineNotFoundException", 400, get, pipelineName="billing",
                     pipelineExecutionId=EXECUTION)
        self.refused("PipelineExecutionNotFoundException", 400, get, pipelineName="orders-prod",
                     pipelineExecutionId=OTHER)
        self.refused("ValidationException", 400, get, pipelineName="orders-prod",
                     pipelineExecutionId=EXECUTION.upper())
        self.refused("PipelineNotFoundException", 400, self.call, "codepipeline",
                     region="us-east-1")
        self.refused("InvalidNextTokenException", 400, client.list_pipeline_executions,
                     pipelineName="orders-prod", nextToken="nonsense")
        self.aws.put_execution("elsewhere", OTHER, account="111111111111")
        self.refused("PipelineNotFoundException", 400, get, pipelineName="elsewhere",
                     pipelineExecutionId=OTHER)


class Refusals(StandIn):
    """It lets nothing pass that AWS would not."""

    CODES = {"sns": ("SignatureDoesNotMatch", 403), "sts": ("SignatureDoesNotMatch", 403),
             "secretsmanager": ("InvalidSignatureException", 400),
             "ssm": ("InvalidSignatureException", 400),
             "codepipeline": ("InvalidSignatureException", 400),
             "ecs": ("InvalidSignatureException", 400)}

    def test_wrong_secret(self):
        name = self.aws.static_environment()["AWS_ACCESS_KEY_ID"]
        for service, code in self.CODES.items():
            self.refused(*code, self.call, service, credentials=Credentials(name, "wrong/secret"))

    def test_unknown_key(self):
        for service, (code, status) in self.CODES.items():
            self.refused("InvalidClientTokenId" if status == 403 else "UnrecognizedClientException",
                         status, self.call, service, credentials=Credentials("AKIANOBODY", "x" * 9))

    def test_wrong_region(self):
        for service, code in self.CODES.items():
            self.refused(*code, self.call, service, region="eu-central-1")

    def test_wrong_service(self):
        for service, code in self.CODES.items():
            client = self.client(service)
            # pylint: disable=protected-access
            client._request_signer._signing_name = "execute-api"
            with mock.patch.object(self, "client", lambda _service, client=client: client):
                self.assertIn("correct service", self.refused(*code, self.call, service))

    def test_clock_that_is_off(self):
        self.fill()
        for minutes, words in ((6, "Signature expired"), (-6, "not yet current")):
            self.aws.clock_offset = timedelta(minutes=minutes)
            for service, code in self.CODES.items():
                self.assertIn(words, self.refused(*code, self.call, service))
        self.aws.clock_offset = timedelta(minutes=4)
        for service in self.CODES:
            self.call(service)

    def test_no_signature(self):
        for service, (_, status) in self.CODES.items():
            self.refused("MissingAuthenticationToken" if status == 403 else
                         "MissingAuthenticationTokenException", status, self.call, service,
                         config=ONCE.merge(Config(signature_version=UNSIGNED)))

    def test_denied(self):
        self.fill()
        for service, action, code, status in (
                ("sns", "SNS:Publish", "AuthorizationError", 403),
                ("sts", "sts:AssumeRole", "AccessDenied", 403),
                ("secretsmanager", "secretsmanager:GetSecretValue", "AccessDeniedException", 400),
                ("ssm", "ssm:GetParameter", "AccessDeniedException", 400),
                ("codepipeline", "codepipeline:GetPipelineExecution", "AccessDeniedException",
                 400),
                ("ecs", "ecs:DescribeTasks", "AccessDeniedException", 400)):
            with self.subTest(service):
                self.call(service)
                self.aws.deny(action)
                message = self.refused(code, status, self.call, service)
                self.assertIn(f"not authorized to perform: {action} on resource: arn:aws:{service}"
                              if service != "sts" else f"{action} on resource: {ROLE}", message)
                self.aws.allow(action)
                self.call(service)

    def test_what_is_not_the_protocol(self):
        self.fill()
        for service in ("secretsmanager", "ssm", "codepipeline", "ecs"):
            client = self.client(service)
            client.meta.events.register("before-call", lambda params, **_: params["headers"].update(
                {"Content-Type": "application/x-amz-json-1.0"}))
            with mock.patch.object(self, "client", lambda _service, client=client: client):
                self.refused("UnknownOperationException", 400, self.call, service)


class Faults(StandIn):
    """What it is told to fail with is what botocore reads."""

    def test_every_code(self):
        self.fill()
        for service, faults in NAMES.items():
            for code, (status, _) in faults.items():
                with self.subTest(f"{service} {code}"):
                    self.aws.fail(code, where=service)
                    self.refused(code, status, self.call, service)
            self.call(service)

    def test_statuses_are_those_of_the_models(self):
        known = 0
        for service, faults in NAMES.items():
            model = SESSION.get_service_model(service)
            for shape in map(model.shape_for, model.shape_names):
                code = shape.metadata.get("error", {}).get("code", shape.name)
                status = shape.metadata.get("error", {}).get("httpStatusCode")
                if code in faults and shape.metadata.get("exception"):
                    known += 1
                    # Those that speak JSON name no status; it is 400, or 500 when it is theirs.
                    self.assertEqual(faults[code][0], status or (
                        500 if code.startswith(("Internal", "Server")) else 400), code)
        self.assertGreater(known, 30)

    def test_answers_that_are_none(self):
        for service in NAMES:
            for kind, failure in (("close", botocore.exceptions.ConnectionClosedError),
                                  ("html", botocore.exceptions.ClientError),
                                  ("empty", botocore.exceptions.ClientError)):
                with self.subTest(f"{service} {kind}"):
                    self.aws.fail(kind, where=service)
                    with self.assertRaises(failure):
                        self.call(service)
        self.aws.fail("hang", where="ssm")
        with self.assertRaises(botocore.exceptions.ReadTimeoutError):
            self.call("ssm", config=ONCE.merge(Config(read_timeout=0.2)))

    def test_as_often_as_told(self):
        self.aws.fail("InternalError", times=2, headers={"x-amz-retry-after": "7"})
        patient = Config(retries={"total_max_attempts": 3, "mode": "standard"})
        answer = self.call("sns", config=patient)
        self.assertEqual(answer["ResponseMetadata"]["RetryAttempts"], 2)
        self.assertEqual([entry["accepted"] for entry in self.aws.requests("sns")],
                         [False, False, True])

    def test_what_there_is_not(self):
        for kind, where in (("ParameterNotFound", "sns"), ("503", "ssm"), ("hang", "nowhere")):
            with self.assertRaises(ValueError):
                self.aws.fail(kind, where=where)


if __name__ == "__main__":
    main()
