"""Who postlude is to AWS: each source of credentials publishes a report, and each way in which it
fails is said in words that help.
"""

import os
import tempfile
import time
from datetime import timedelta

from aws_case import setUpModule  # noqa: F401
from case import LabCase, main

CONTAINER = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
ROLE = "arn:aws:iam::210987654321:role/lab"
ONE = {"0001_one.sql": "select 1;\n"}


class Credentials(LabCase):
    """A database at its plan, a topic, and no credentials but those that a test gives."""

    @classmethod
    def setUpClass(cls):
        cls.aws = cls.lab.aws
        cls.topic = {"topic": cls.aws.arn("orders"), "when": "always"}
        cls.plan = cls.lab.plan(ONE, cls.lab.database(), report=cls.topic)

    def setUp(self):
        self.aws.clear()
        self.aws.imds.role = "lab"
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def without(self):
        """Variables that lead to the stand-in, and no credentials."""
        return {**self.aws.endpoints(), **dict.fromkeys(CONTAINER), "AWS_REGION": self.aws.region,
                "AWS_EC2_METADATA_DISABLED": "true", "HOME": self.folder}

    def write(self, name, text):
        """A file of this test's folder; its path."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def sources(self):
        """Each source by its name, as variables that make it the first."""
        static = self.aws.static_environment()
        keys = (f"aws_access_key_id = {static['AWS_ACCESS_KEY_ID']}\n"
                f"aws_secret_access_key = {static['AWS_SECRET_ACCESS_KEY']}\n")
        role = f"[profile role]\nrole_arn = {ROLE}\nsource_profile = keys\n"
        files = {"AWS_SHARED_CREDENTIALS_FILE": self.write("credentials", f"[keys]\n{keys}"),
                 "AWS_CONFIG_FILE": self.write("config", f"{role}\n[default]\n{keys}")}
        here = self.without()
        instance = {**here, **self.aws.imds_environment(), "AWS_REGION": None,
                    "AWS_EC2_METADATA_DISABLED": None}
        return {"environment variables": {**here, **static},
                "web identity": {**here, **self.aws.web_identity_environment(self.folder)},
                "container endpoint": {**here, **self.aws.environment()},
                "profile files": {**here, **files},
                "a profile's role": {**here, **files, "AWS_PROFILE": "role"},
                "instance metadata": instance}

    def run_with(self, env, *more):
        return self.lab.run("run", *more, plan=self.plan, env=env, event=self.lab.event())

    def said(self, run):
        """What the log has at level warn or above, with its hints, as one text."""
        lines = [line for line in run.log if line["level"] in ("warn", "error")]
        return "\n".join(f"{line['msg']}\n{line.get('hint', '')}" for line in lines)


class Sources(Credentials):
    """Where credentials come from."""

    def test_each_source_publishes(self):
        for name, env in self.sources().items():
            with self.subTest(name):
                self.aws.clear()
                run = self.run_with(env, "--log-level", "debug")
                self.assertEqual(run.code, 0, run)
                self.assertEqual(len(self.aws.messages()), 1, run)
                self.assertEqual(self.aws.refusals(), [], run)
                (found,) = [line for line in run.log if line["msg"] == "AWS credentials were found"]
                self.assertEqual(found["source"], name.replace("a profile's role", "profile files"))

    def test_the_order(self):
        sources = self.sources()
        order = ["profile files", "container endpoint", "web identity", "environment variables"]
        env = {}
        for name in order:
            env.update({key: value for key, value in sources[name].items()
                        if value is not None or key not in env})
            with self.subTest(name):
                run = self.run_with(env, "--log-level", "debug")
                self.assertEqual(run.code, 0, run)
                self.assertTrue(any(line.get("source") == name or
                                    line["msg"].startswith(f"AWS credentials come from {name}, ")
                                    for line in run.log), run)

    def test_the_role_of_a_profile_signs(self):
        self.assertEqual(self.run_with(self.sources()["a profile's role"]).code, 0)
        (assumed,) = self.aws.requests("sts")
        (published,) = self.aws.requests("sns")
        self.assertEqual(assumed["action"], "AssumeRole")
        self.assertEqual(assumed["body"]["RoleArn"], ROLE)
        self.assertTrue(assumed["access_key_id"].startswith("AKIA"))
        self.assertTrue(published["access_key_id"].startswith("ASIA"))

    def test_a_web_identity_is_not_signed(self):
        self.assertEqual(self.run_with(self.sources()["web identity"]).code, 0)
        (assumed,) = self.aws.requests("sts")
        self.assertIsNone(assumed["access_key_id"])
        self.assertTrue(assumed["body"]["RoleSessionName"].startswith("postlude-"))

    def test_static_keys_that_hide_a_role(self):
        sources = self.sources()
        env = {**sources["container endpoint"], **self.aws.static_environment()}
        said = self.said(self.run_with(env))
        self.assertIn("AWS credentials come from environment variables, and hide container "
                      "endpoint (AWS_CONTAINER_CREDENTIALS_FULL_URI)", said)
        self.assertIn("unset", said)

    def test_temporary_keys_hide_a_role_on_purpose(self):
        key = self.aws.keys.temporary("arn:aws:sts::210987654321:assumed-role/lab/x",
                                      self.aws.now())
        env = {**self.sources()["container endpoint"], "AWS_ACCESS_KEY_ID": key.access_key_id,
               "AWS_SECRET_ACCESS_KEY": key.secret, "AWS_SESSION_TOKEN": key.token}
        run = self.run_with(env)
        self.assertEqual(run.code, 0, run)
        self.assertEqual(self.said(run), "", run)

    def test_settings_of_a_profile_that_are_not_read(self):
        env = self.sources()["profile files"]
        with open(env["AWS_CONFIG_FILE"], "a", encoding="utf-8") as file:
            file.write("endpoint_url = http://127.0.0.1:1\n")
        run = self.run_with(env)
        self.assertEqual(run.code, 0, run)
        self.assertIn("a setting of the AWS profile is not read", self.said(run))

    def test_no_instance_is_waited_for(self):
        """An address at which nobody answers: a second, and on Fargate none."""
        env = {**self.without(), "AWS_EC2_METADATA_DISABLED": None,
               "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.aws.url}
        self.aws.fail("hang", times=9, where="imds")
        started = time.monotonic()
        run = self.run_with(env)
        self.assertIn(f"instance metadata (no answer from {self.aws.url} within 1 s)",
                      self.said(run))
        self.assertLess(time.monotonic() - started, 8, run)
        fargate = {**self.without(), "AWS_EC2_METADATA_DISABLED": None,
                   "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}
        self.assertIn("instance metadata (not asked: Fargate has none)",
                      self.said(self.run_with(fargate)))


class Renewed(Credentials):
    """Credentials that run out while a migration runs."""

    def test_each_temporary_source(self):
        for name in ("web identity", "container endpoint", "a profile's role",
                     "instance metadata"):
            with self.subTest(name):
                env = self.sources()[name]
                # Little is left of the first ones: each call asks for new ones.
                self.aws.lifetime = timedelta(minutes=10)
                self.addCleanup(setattr, self.aws, "lifetime", timedelta(hours=6))
                files = {"0001_wait.sql": "select pg_sleep(2);\n"}
                plan = self.lab.plan(files, self.lab.database(), report=self.topic)
                process = self.lab.start_run("run", "--json", plan=plan, env=env,
                                             event=self.lab.event())
                time.sleep(1)
                self.aws.expire()
                run = self.lab.finish(process)
                self.assertEqual(run.code, 0, run)
                self.assertEqual(len(self.aws.messages()), 1, run)
                self.aws.clear()


# Each: its name; the source; faults as (kind, times, where); variables that are changed; what is
# said. {url} is the stand-in's address, {folder} the test's folder.
FAILURES = [
    ("keys: the secret is missing", "environment variables", [],
     {"AWS_SECRET_ACCESS_KEY": None},
     ["AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not", "set neither"]),
    ("keys: the id is missing", "environment variables", [],
     {"AWS_ACCESS_KEY_ID": None},
     ["AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"]),
    ("keys: quotes", "environment variables", [], {"AWS_ACCESS_KEY_ID": '"AKIA1"'},
     ["AWS_ACCESS_KEY_ID has quotes around it", "--env-file"]),
    ("keys: unknown to AWS", "environment variables", [("InvalidClientTokenId", 9, "sns")], {},
     ["InvalidClientTokenId, HTTP status 403", "On ECS unset AWS_ACCESS_KEY_ID"]),
    ("keys: wrong secret", "environment variables", [], {"AWS_SECRET_ACCESS_KEY": "wrong/wrong"},
     ["SignatureDoesNotMatch", "clock"]),
    ("keys: ended", "environment variables", [],
     {"AWS_CREDENTIAL_EXPIRATION": "2021-03-14T15:20:11Z"},
     ["ran out at 2021-03-14T15:20:11Z", "Renew all of them"]),
    ("web identity: no role", "web identity", [], {"AWS_ROLE_ARN": None},
     ["AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not", "eks.amazonaws.com/role-arn"]),
    ("web identity: no file", "web identity", [], {"AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/none"},
     ["could not open file", "{folder}/none is where the token should be"]),
    ("web identity: a role that does not admit it", "web identity", [],
     {"AWS_ROLE_ARN": "arn:aws:iam::210987654321:role/other"},
     ["could not assume arn:aws:iam::210987654321:role/other by a web identity", "AccessDenied",
      "the trust policy of arn:aws:iam::210987654321:role/other"]),
    ("web identity: ran out", "web identity", [("ExpiredTokenException", 1, "sts")], {},
     ["ExpiredTokenException, HTTP status 400", "kubelet renews the file"]),
    ("web identity: not verified", "web identity", [("InvalidIdentityToken", 1, "sts")], {},
     ["InvalidIdentityToken, HTTP status 400", "identity provider"]),
    ("web identity: rejected", "web identity", [("IDPRejectedClaim", 1, "sts")], {},
     ["IDPRejectedClaim, HTTP status 403", "revoked"]),
    ("web identity: provider not reached", "web identity", [("IDPCommunicationError", 3, "sts")],
     {}, ["gave up after 3 attempts", "IDPCommunicationError", "openid-configuration"]),
    ("web identity: too large", "web identity", [("PackedPolicyTooLarge", 1, "sts")], {},
     ["PackedPolicyTooLarge", "shorten them"]),
    ("web identity: malformed", "web identity", [("MalformedPolicyDocument", 1, "sts")], {},
     ["MalformedPolicyDocument", "Mend the policy"]),
    ("web identity: region", "web identity", [("RegionDisabledException", 1, "sts")], {},
     ["RegionDisabledException", "STS is not activated in eu-west-3"]),
    ("web identity: no region", "web identity", [], {"AWS_REGION": None},
     ["no AWS region is known", "Set AWS_REGION"]),
    ("web identity: not STS", "web identity", [("html", 3, "sts")], {},
     ["answered HTTP status 503"]),
    ("web identity: no way to STS", "web identity", [], {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"},
     ["gave up after 3 attempts", "The address comes from AWS_ENDPOINT_URL_STS"]),
    ("container: a page", "container endpoint", [("html", 3, "credentials")], {},
     ["the container credentials endpoint answered HTTP status 503", "task role"]),
    ("container: refused", "container endpoint", [("AccessDeniedException", 3, "credentials")], {},
     ["HTTP status 400", "may be assumed by ecs-tasks.amazonaws.com"]),
    ("container: wrong token", "container endpoint", [],
     {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"}, ["HTTP status 401"]),
    ("container: elsewhere in plain text", "container endpoint", [],
     {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"},
     ["AWS_CONTAINER_CREDENTIALS_FULL_URI: example.com: plain http is refused"]),
    ("container: nobody there", "container endpoint", [],
     {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/x"},
     ["no AWS credentials from the container endpoint",
      "The address comes from AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or"]),
    ("container: no token file", "container endpoint", [],
     {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{folder}/none"},
     ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: could not open file", "EKS Pod Identity"]),
    ("profile: not there", "profile files", [], {"AWS_PROFILE": "none"},
     ["there is no profile none in {folder}/credentials or {folder}/config",
      "The profiles there are: keys, role, default."]),
    ("profile: no such file", "profile files", [], {"AWS_CONFIG_FILE": "{folder}/none"},
     ["AWS_CONFIG_FILE: {folder}/none: could not open file"]),
    ("profile: its role refuses", "a profile's role", [("AccessDenied", 1, "sts")], {},
     ["could not assume " + ROLE, "sts:AssumeRole on " + ROLE]),
    ("instance: no role", "instance metadata", [("404", 0, "imds")], {"ROLE": None},
     ["instance metadata (no role is attached to this instance)"]),
    ("instance: switched off", "instance metadata", [("403", 1, "imds")], {},
     ["answered HTTP status 403: it is off, or not version 2"]),
    ("instance: a bad request", "instance metadata", [("400", 1, "imds")], {},
     ["answered HTTP status 400", "AWS_EC2_METADATA_DISABLED=true"]),
    ("instance: a page", "instance metadata", [("500", 1, "imds")], {},
     ["answered HTTP status 500"]),
    ("instance: its role cannot be assumed", "instance metadata",
     [("AssumeRoleUnauthorizedAccess", 1, "imds-credentials")], {},
     ["cannot give credentials, AssumeRoleUnauthorizedAccess", "may be assumed by "
      "ec2.amazonaws.com"]),
    ("none at all", "environment variables", [],
     {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
     ["no AWS credentials: environment variables (AWS_ACCESS_KEY_ID is not set), web identity "
      "(AWS_WEB_IDENTITY_TOKEN_FILE is not set), container endpoint (neither "
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set), "
      "profile files (no {folder}/.aws/credentials), instance metadata "
      "(AWS_EC2_METADATA_DISABLED is true)", "taskRoleArn"]),
]


class Failures(Credentials):
    """Each failure: the database is done, the report is not sent, and the log says why."""

    def test_each_failure(self):
        for name, source, faults, changes, words in FAILURES:
            with self.subTest(name):
                self.fails(source, faults, changes, words)

    def fails(self, source, faults, changes, words):
        self.aws.clear()
        env = self.sources()[source]
        for kind, times, where in faults:
            self.aws.fail(kind, times=times, where=where)
        for key, value in changes.items():
            if key == "ROLE":
                self.aws.imds.role = value
            else:
                env[key] = value.format(folder=self.folder) if value else value
        run = self.run_with(env)
        self.assertEqual(run.code, 8, run)
        self.assertEqual(self.aws.messages(), [])
        said = self.said(run)
        for expected in words:
            self.assertIn(expected.format(folder=self.folder), said, run)


if __name__ == "__main__":
    main()
