"""The stand-in for AWS itself: what answers without a signature, and the credentials from there.

Without postlude and without a database: what is tested is what the other tests measure with.
"""

import http.client
import json
import os
import tempfile
import urllib.error
import urllib.request
from unittest import mock

from case import main
from stand_in_case import ONCE, ROLE, StandIn

import botocore.exceptions
from botocore import UNSIGNED
from botocore.config import Config
from botocore.session import Session

import aws_faults


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
    main()
