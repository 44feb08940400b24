"""The stand-in for AWS itself: botocore's clients are content with it, and it lets nothing pass.

Without postlude and without a database: what is tested is what the other tests measure with.
"""

import http.client
import json
import os
import tempfile
import unittest
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from unittest import mock

import case  # for the path to the laboratory  pylint: disable=unused-import

# pylint: disable=wrong-import-order
import botocore.exceptions
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import Session

import aws_faults
from aws_endpoint import AwsEndpoint

EXECUTION = "5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18"
OTHER = "0c2f7d9e-9f42-4d1e-8a63-5b1c7e0a4b18"
ROLE = "arn:aws:iam::210987654321:role/lab"
SESSION = Session()  # it reads each service's model once
ONCE = Config(retries={"total_max_attempts": 1})
NAMES = {"sns": aws_faults.SNS, "sts": aws_faults.STS, "ssm": aws_faults.SSM,
         "secretsmanager": aws_faults.SECRETS_MANAGER, "codepipeline": aws_faults.CODEPIPELINE}


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
                pipelineName="orders-prod", pipelineExecutionId=EXECUTION)}[service]()

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
             "codepipeline": ("InvalidSignatureException", 400)}

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
                 400)):
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
        for service in ("secretsmanager", "ssm", "codepipeline"):
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
                        500 if code.startswith("Internal") else 400), code)
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


class Identities(StandIn):
    """botocore's own providers get credentials from it, which are good."""

    def by_chain(self, env):
        """What botocore's chain finds in this environment, used for a call."""
        with mock.patch.dict(os.environ, {**env, "HOME": "/nowhere"}, clear=True):
            session = Session()
            session.set_config_variable("region", "eu-west-3")
            found = session.get_credentials()
            self.assertIsNotNone(found, env)
            frozen = found.get_frozen_credentials()
        self.fill()
        self.call("secretsmanager", credentials=frozen)
        return found.method

    def test_container(self):
        self.assertEqual(self.by_chain(self.aws.environment()), "container-role")
        env = self.aws.environment() | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"}
        with self.assertRaises(botocore.exceptions.CredentialRetrievalError), \
                mock.patch("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0):
            self.by_chain(env)
        self.assertEqual(self.aws.refusals()[-1]["reason"],
                         "the authorization token is wrong or missing")

    def test_instance(self):
        self.assertEqual(self.by_chain(self.aws.imds_environment("fleet")), "iam-role")
        entry = self.aws.requests("secretsmanager")[-1]
        self.assertTrue(entry["access_key_id"].startswith("ASIA"))
        self.assertEqual([one["action"] for one in self.aws.requests("imds")], [
            "PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
            "GET /latest/meta-data/iam/security-credentials/fleet"])

    def test_instance_without_a_role(self):
        with self.assertRaises(AssertionError):
            self.by_chain(self.aws.imds_environment(None))
        self.aws.fail("AssumeRoleUnauthorizedAccess", where="imds-credentials")
        with self.assertRaises(AssertionError):
            self.by_chain(self.aws.imds_environment())

    def test_version_1_of_the_instance_metadata(self):
        self.aws.fail("403", where="imds")  # of the token, after which botocore goes on without
        with self.assertRaises(AssertionError):
            self.by_chain(self.aws.imds_environment())
        self.assertEqual([refusal["code"] for refusal in self.aws.refusals()],
                         ["403", "Unauthorized"])

    def test_web_identity(self):
        with tempfile.TemporaryDirectory() as folder:
            env = self.aws.web_identity_environment(folder)
            # This release asks the global endpoint whatever the environment says.
            env["AWS_STS_REGIONAL_ENDPOINTS"] = "regional"
            ask = Session.create_client

            def here(session, service, **how):
                return ask(session, service, **{**how, "endpoint_url": self.aws.url})

            with mock.patch("botocore.session.Session.create_client", here):
                self.assertEqual(self.by_chain(env), "assume-role-with-web-identity")
            (entry,) = self.aws.requests("sts")
            self.assertEqual((entry["action"], entry["access_key_id"], entry["body"]["RoleArn"]),
                             ("AssumeRoleWithWebIdentity", None, ROLE))

    def test_web_identity_that_is_not_good(self):
        with tempfile.TemporaryDirectory() as folder:
            env = self.aws.web_identity_environment(folder)
            with open(env["AWS_WEB_IDENTITY_TOKEN_FILE"], encoding="ascii") as file:
                token = file.read()
            assume = self.client("sts", config=ONCE.merge(Config(
                signature_version=UNSIGNED))).assume_role_with_web_identity
            how = {"RoleArn": ROLE, "RoleSessionName": "lab"}
            assume(WebIdentityToken=token, **how)
            self.refused("InvalidIdentityToken", 400, assume, WebIdentityToken="nonsense", **how)
            self.refused("InvalidIdentityToken", 400, assume, WebIdentityToken=token + "\n", **how)
            self.refused("AccessDenied", 403, assume, WebIdentityToken=token, RoleSessionName="lab",
                         RoleArn="arn:aws:iam::210987654321:role/other")
            self.aws.rotate_web_identity(env["AWS_WEB_IDENTITY_TOKEN_FILE"])
            self.refused("ExpiredTokenException", 400, assume, WebIdentityToken=token, **how)

    def test_what_is_secret(self):
        self.fill()
        env = self.aws.environment()
        self.by_chain(env)
        url = self.aws.response_url()
        for text in (env["AWS_CONTAINER_AUTHORIZATION_TOKEN"], "open-sesame", url[-64:]):
            self.assertIn(text, self.aws.secrets())


class Metadata(StandIn):
    """A task's metadata."""

    def read(self, path=""):
        base = self.aws.metadata_environment()["ECS_CONTAINER_METADATA_URI_V4"]
        with urllib.request.urlopen(base + path) as answer:
            return json.load(answer)

    def test_documents(self):
        container, task = self.read(), self.read("/task")
        self.assertIn(container, task["Containers"])
        self.assertEqual(len(task["Containers"]), 3)
        self.assertTrue(task["TaskARN"].startswith(
            "arn:aws:ecs:eu-west-3:210987654321:task/ops/"))
        self.assertEqual((task["Family"], task["Revision"]), ("orders-migrate", "42"))
        self.assertEqual(container["LogOptions"]["awslogs-region"], "eu-west-3")

    def test_changes(self):
        self.aws.set_metadata(task={"Cluster": "ops", "Revision": None},
                              container={"Name": "other", "LogDriver": "json-file"})
        container, task = self.read(), self.read("/task")
        self.assertEqual((task["Cluster"], container["LogDriver"]), ("ops", "json-file"))
        self.assertNotIn("Revision", task)
        self.assertIn(container, task["Containers"])
        self.aws.set_metadata()
        self.assertEqual(self.read("/task")["Revision"], "42")

    def test_failing(self):
        self.aws.fail("500", where="metadata")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.read()
        caught.exception.close()
        self.assertEqual(caught.exception.code, 500)


class ResponseUrl(StandIn):
    """Where CloudFormation wants its answers."""

    def put(self, target, body=b"{}", method="PUT", **headers):
        """The status of such a request; target is what stands in its first line."""
        connection = http.client.HTTPConnection("127.0.0.1", self.aws.port)
        self.addCleanup(connection.close)
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            if value is not None:
                connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        return connection.getresponse().status

    def test_answers(self):
        url = self.aws.response_url()
        target = url.removeprefix(self.aws.url)
        self.assertIn("%7CMigration%7C", target)
        self.assertIn("%2F", target.partition("X-Amz-Security-Token=")[2])
        self.assertEqual(self.put(target, b'{"Status":"SUCCESS"}'), 200)
        self.assertEqual(self.put(target, b"", Content_Type=""), 200)
        first, second = self.aws.answers()
        self.assertEqual((first["body"], first["path"]), ({"Status": "SUCCESS"}, target))
        self.assertEqual((second["body"], second["raw"]), (None, b""))
        self.assertEqual(self.aws.answers("another"), [])

    def test_what_the_signature_does_not_cover(self):
        target = self.aws.response_url().removeprefix(self.aws.url)
        for status, how in ((403, {"Content_Type": "application/json"}),
                            (403, {"x_amz_acl": "private"}), (403, {"method": "POST"}),
                            (501, {"Transfer_Encoding": "chunked", "Content_Length": None}),
                            (411, {"Content_Length": None, "body": None})):
            with self.subTest(how):
                body = how.pop("body", b"{}") or b""
                self.assertEqual(self.put(target, body, **how), status)
        for changed in (target.replace("%7C", "|"), target.replace("%2F", "/"), target + "&",
                        target.replace("X-Amz-Expires=7200", "X-Amz-Expires=9200")):
            self.assertEqual(self.put(changed), 403)
        self.assertEqual(self.aws.answers(), [])

    def test_failing(self):
        target = self.aws.response_url().removeprefix(self.aws.url)
        for code, (status, _) in aws_faults.S3.items():
            self.aws.fail(code, where="cloudformation")
            self.assertEqual(self.put(target), status)
        self.assertEqual(self.put(target), 200)


if __name__ == "__main__":
    case.main()
