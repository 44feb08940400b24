"""Beside botocore: postlude's calls are those that botocore makes for the same, and in the same
environment it is the same principal.

Each call that the stand-in got from postlude is made once more by a client of botocore, which knows
nothing but the operation and its arguments: its own checks of those are part of the test.
"""

import os
import re
from datetime import datetime
from unittest import mock
from urllib.parse import parse_qs

from aws_case import setUpModule  # noqa: F401
from case import ORDERS, LabCase, main

from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import Session
from botocore.signers import generate_db_auth_token

EXECUTION = "5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18"
SESSION = Session()
CONTAINER = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
# What is compared beside the body, the action and the path.
HEADERS = ("content-type", "x-amz-target")
NUMBERS = {"DurationSeconds"}  # of STS


def attributes_of(form):
    """The message attributes of a form, in its order."""
    found = {}
    for number in range(1, 1 + len([key for key in form if key.endswith(".Name")])):
        entry = f"MessageAttributes.entry.{number}."
        found[form[entry + "Name"]] = {"DataType": form[entry + "Value.DataType"],
                                       "StringValue": form[entry + "Value.StringValue"]}
    return found


def arguments_of(entry):
    """The arguments of botocore's operation for a call that came."""
    if "x-amz-target" in entry["headers"]:
        return entry["body"]
    form = {key: int(value) if key in NUMBERS else value for key, value in entry["body"].items()
            if key not in ("Action", "Version") and not key.startswith("MessageAttributes.")}
    attributes = attributes_of(entry["body"])
    return {**form, "MessageAttributes": attributes} if attributes else form


def shape_of(entry):
    """What has to be the same in two calls."""
    claim = re.search(r"SignedHeaders=([^,]+)", entry["headers"].get("authorization", ""))
    return {"call": (entry["method"], entry["path"], entry["action"], entry["region"]),
            "headers": {name: entry["headers"].get(name) for name in HEADERS},
            "signed": claim[1].split(";") if claim else None, "body": entry["body"],
            "accepted": entry["accepted"]}


class Counterpart(LabCase):
    """Runs, and the same calls made by botocore."""

    def setUp(self):
        self.aws = self.lab.aws
        self.aws.clear()
        self.db = self.lab.database()

    def run_files(self, files=None, env=None, event=None, **changes):
        plan = self.lab.plan(files or ORDERS, self.db, **changes)
        return self.lab.run("run", plan=plan, env=env, event=event or self.lab.event())

    def compare(self, service, count=1):
        """Asserts that botocore makes the same calls of a service; returns postlude's."""
        ours = self.aws.requests(service)
        self.assertEqual(len(ours), count, ours)
        for entry in ours:
            self.again(entry)
            theirs = self.aws.requests(service)[-1]
            self.assertIsNot(theirs, entry)
            self.assertEqual(shape_of(theirs), shape_of(entry))
        return ours

    def again(self, entry):
        """The call, made by botocore with the same key."""
        config = Config(retries={"total_max_attempts": 1})
        if entry["access_key_id"]:
            key = self.aws.keys.known()[entry["access_key_id"]]
        else:
            key = Credentials("unused", "unused")
            config = config.merge(Config(signature_version=UNSIGNED))
        client = SESSION.create_client(
            entry["service"], region_name=entry["region"] or self.aws.region, config=config,
            endpoint_url=self.aws.url, aws_access_key_id=entry["access_key_id"] or "unused",
            aws_secret_access_key=getattr(key, "secret", "unused"), aws_session_token=key.token)
        # pylint: disable=protected-access
        client._make_api_call(entry["action"], arguments_of(entry))


class Messages(Counterpart):
    """A message published by us is the message that botocore would have sent."""

    def the_same(self, **how):
        before = len(self.aws.messages())
        self.run_files(**how)
        self.compare("sns")
        ours, theirs = self.aws.messages()[before:]
        for name in ("topic", "subject", "message", "attributes", "group", "deduplication"):
            self.assertEqual(ours[name], theirs[name])

    def test_json(self):
        self.the_same()

    def test_text(self):
        self.the_same(report={"format": "text", "subject": "${STAGE:-} orders: é & = + %"})

    def test_characters(self):
        self.the_same(files={"0001_it.sql": "do $$ begin raise exception E'bell \\x07 \ufffe é + "
                                            "%2B &a=b~* \\n\\t 漢 😀'; end $$;\n"})

    def test_fifo(self):
        self.the_same(env=self.aws.environment("orders.fifo"))
        ours, theirs = self.aws.messages()
        self.assertEqual((ours["duplicate"], theirs["duplicate"]), (False, True))

    def test_a_static_key(self):
        self.the_same(env={**dict.fromkeys(CONTAINER), **self.aws.static_environment()})


class Questions(Counterpart):
    """So are the questions to the other services."""

    def test_codepipeline_and_a_role(self):
        role = "arn:aws:iam::111111111111:role/pipelines/reader"
        self.aws.roles.add(role)
        self.aws.put_execution("orders-prod", EXECUTION, account="111111111111", region="us-east-1")
        run = self.run_files(
            event=self.lab.event(execution_id=EXECUTION, region="us-east-1",
                                 account="111111111111"),
            trigger={"verify": True, "assume_role": role})
        self.ends(run, 0, "applied")
        asked = self.compare("codepipeline", len(self.aws.requests("codepipeline")))
        self.assertEqual({entry["region"] for entry in asked}, {"us-east-1"})
        self.assertEqual(asked[0]["action"], "GetPipelineExecution")
        (assumed,) = self.compare("sts")
        self.assertEqual((assumed["action"], assumed["body"]["RoleArn"]), ("AssumeRole", role))

    def test_web_identity(self):
        env = self.aws.web_identity_environment(self.lab.folder)
        self.ends(self.run_files(env={**dict.fromkeys(CONTAINER), **env}), 0, "applied")
        (assumed,) = self.compare("sts")
        self.assertEqual(assumed["action"], "AssumeRoleWithWebIdentity")
        self.assertIsNone(assumed["access_key_id"])

    def test_secret_and_parameter(self):
        self.aws.put_secret("orders/migrator", {"username": "migrator", "port": "5432",
                                                "password": self.lab.passwords["migrator"]})
        self.aws.put_parameter("/orders/host", "127.0.0.1", "SecureString")
        run = self.run_files(database={"password": None, "user": None, "host": "ssm:/orders/host",
                                       "secret": "orders/migrator"})
        self.ends(run, 0, "applied")
        self.assertEqual(self.compare("secretsmanager")[0]["body"], {"SecretId": "orders/migrator"})
        self.compare("ssm")


class Tokens(Counterpart):
    """A token of ours is the one that botocore makes at the same moment."""

    def tokens_of(self, env):
        door = self.lab.door()
        run = self.run_files(env=env, database={"password": None, "iam": True, "port": door.port})
        self.ends(run, 0, "applied")
        self.assertEqual(door.refusals, [])
        return door

    def check(self, env):
        door = self.tokens_of(env)
        self.assertTrue(door.tokens)
        for token in door.tokens:
            place, _, query = token.partition("/?")
            ours = parse_qs(query, keep_blank_values=True, strict_parsing=True)
            theirs = self.by_botocore(door, ours).partition("/?")
            self.assertEqual(place, theirs[0])
            self.assertEqual(ours, parse_qs(theirs[2], strict_parsing=True))
            # What was encoded, too.
            self.assertEqual(sorted(query.split("&")), sorted(theirs[2].split("&")))

    def by_botocore(self, door, parts):
        """botocore's, as of the time and with the key that are in a token's parts."""
        key = self.aws.keys.known()[parts["X-Amz-Credential"][0].partition("/")[0]]
        client = SESSION.create_client(
            "rds", region_name="eu-west-3", aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret, aws_session_token=key.token)
        moment = datetime.strptime(parts["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
        with mock.patch("botocore.auth.datetime") as clock:
            clock.datetime.utcnow.return_value = moment
            return generate_db_auth_token(client, "127.0.0.1", door.port, "migrator")

    def test_temporary_credentials(self):
        self.check(None)

    def test_a_static_key(self):
        self.check({**dict.fromkeys(CONTAINER), **self.aws.static_environment()})


class Principals(Counterpart):
    """In the same environment it is the same principal."""

    def setUp(self):
        super().setUp()
        self.home = f"{self.lab.folder}/{self.db}"
        os.makedirs(f"{self.home}/.aws")

    def write(self, name, text):
        with open(f"{self.home}/.aws/{name}", "w", encoding="ascii") as file:
            file.write(text)

    def keys(self, user):
        """A static key of a user, as lines of a shared file."""
        key = self.aws.keys.static(f"arn:aws:iam::210987654321:user/{user}")
        return (f"aws_access_key_id = {key.access_key_id}\n"
                f"aws_secret_access_key={key.secret}\n")

    def ours(self, env):
        """Who signs what postlude publishes; env has everything that AWS is about."""
        self.aws.clear()
        none = dict.fromkeys(self.aws.environment())
        run = self.run_files(env={**none, **env, "SNS_TOPIC_ARN": self.aws.arn("orders")},
                             report={"when": "always"})
        self.assertEqual(run.code, 0, run)
        return self.signer()

    def theirs(self, env):
        """The same of botocore."""
        self.aws.clear()
        ask = Session.create_client

        def here(session, service, **how):
            # This release knows no variables for endpoints, which its own calls to STS need.
            return ask(session, service, **{**how, "endpoint_url": self.aws.url})

        with mock.patch.dict(os.environ, env, clear=True), \
                mock.patch("botocore.session.Session.create_client", here):
            session = Session()
            session.set_config_variable("region", "eu-west-3")
            session.create_client("sns").publish(TopicArn=self.aws.arn("orders"), Message="hi")
        return self.signer()

    def signer(self):
        (entry,) = self.aws.requests("sns")
        arn = self.aws.keys.known()[entry["access_key_id"]].arn
        return re.sub(r"(:assumed-role/[^/]+)/.*", r"\1", arn).rpartition(":")[2]

    def the_same(self, expected, *environments):
        env = {"HOME": self.home}
        for one in environments:
            env |= one
        self.assertEqual((self.ours(env), self.theirs(env)), (expected, expected))

    def static(self):
        return {name: value for name, value in self.aws.static_environment().items()
                if name != "SNS_TOPIC_ARN"}

    def container(self):
        self.aws.credentials.role = "container"
        return {name: value for name, value in self.aws.environment().items()
                if name != "SNS_TOPIC_ARN"}

    def web(self):
        return self.aws.web_identity_environment(self.home)

    def instance(self):
        return self.aws.imds_environment("instance")

    def test_each_alone(self):
        self.the_same("user/lab", self.static())
        self.the_same("assumed-role/container", self.container())
        self.the_same("assumed-role/lab", self.web())
        self.the_same("assumed-role/instance", self.instance())
        self.write("credentials", "[default]\n" + self.keys("shared"))
        self.the_same("user/shared", self.aws.endpoints())

    def test_which_comes_first(self):
        everything = (self.instance(), self.container(), self.web(), self.static())
        self.the_same("user/lab", *everything)
        self.the_same("assumed-role/lab", *everything[:3])
        self.the_same("assumed-role/container", *everything[:2])
        self.write("credentials", "[default]\n" + self.keys("shared"))
        self.the_same("user/shared", self.instance())
        self.the_same("assumed-role/lab", self.instance(), self.web())

    def test_where_they_differ(self):
        # A role of the task is not hidden by a file that happens to be in the image.
        self.write("credentials", "[default]\n" + self.keys("shared"))
        env = {"HOME": self.home, **self.container()}
        self.assertEqual((self.ours(env), self.theirs(env)), ("assumed-role/container",
                                                              "user/shared"))

    def test_profiles(self):
        self.write("credentials", "# keys\n[default]\n" + self.keys("shared")
                   + "\n[ops]\n" + self.keys("ops"))
        self.write("config", "[profile far]\nrole_arn = arn:aws:iam::210987654321:role/lab\n"
                             "source_profile = ops\nregion = eu-west-3\n\n[profile near]\n"
                             + self.keys("near") + "s3 =\n  max_concurrent_requests = 2\n")
        for name, expected in (("default", "user/shared"), ("ops", "user/ops"),
                               ("near", "user/near"), ("far", "assumed-role/lab")):
            with self.subTest(name):
                self.the_same(expected, self.aws.endpoints(), {"AWS_PROFILE": name})

    def test_files_elsewhere(self):
        self.write("keys", "[default]\n" + self.keys("elsewhere"))
        self.write("credentials", "[default]\n" + self.keys("shared"))
        self.the_same("user/elsewhere", self.aws.endpoints(),
                      {"AWS_SHARED_CREDENTIALS_FILE": f"{self.home}/.aws/keys"})


if __name__ == "__main__":
    main()
