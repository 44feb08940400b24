#!/usr/bin/python3
"""A stand-in for AWS on a loopback port: the services that postlude talks to, in one place.

    with AwsEndpoint() as aws:
        run(env=aws.environment())
        assert aws.messages()[0]["subject"] == "..."

Every request's signature is checked by botocore's own signer, every request by its service's rules,
and the answers are AWS's. It can be told to fail. Services: "sns", "sts", "secretsmanager", "ssm",
"codepipeline", "ecs"; "credentials", "metadata" (of a task) and "imds" (of an instance) without a
signature; "cloudformation" is the response URL of a custom resource. Things live in a region, the
endpoint's own when none is given: asked for in another one, they are not found.

As a program it serves until it gets SIGTERM:

    aws_endpoint.py --port-file FILE [--log FILE] [--cert FILE --key FILE]

Control, for tests in another process: GET /_lab/environment, /_lab/messages, /_lab/refusals;
POST /_lab/fail with {"kind": "Throttling", "times": 2, "where": "sns"}, POST /_lab/expire.
"""

import argparse
import json
import os
import signal
import threading
from datetime import datetime, timedelta, timezone

import aws_faults
from aws_codepipeline import CodePipeline, Execution
from aws_ecs import Ecs
from aws_json import SecretsManager, Ssm
from aws_keys import Keys
from aws_local import Credentials, Imds, TaskMetadata
from aws_s3 import Answers
from aws_server import Server
from aws_signature import Refusal, verify
from aws_sns import Sns
from aws_sts import Sts
from door import Door

# Less than this is no secret that could be looked for.
SECRET_MIN = 8
ENDPOINTS = ("SNS", "STS", "SECRETS_MANAGER", "SSM", "CODEPIPELINE")


class AwsEndpoint:
    """The stand-in: state and switches. Anything may be called while it serves."""

    def __init__(self, region="eu-west-3", account="210987654321", cert=None, key=None, log=None):
        self.region = region
        self.regions = {region, "eu-west-3", "us-east-1"}
        self.account = account
        self.scheme = "https" if cert else "http"
        self.clock_offset = timedelta(0)  # of our clock, against the machine's
        self.closing = threading.Event()
        self.keys = Keys()
        self._log = open(log, "a", encoding="utf-8") if log else None
        self._lock = threading.Lock()
        self._static = self.keys.static(f"arn:aws:iam::{account}:user/lab")
        self._hidden = []
        self._refusals = []
        self._requests = []
        self._faults = []
        self._denied = set()
        self._build_services()
        self._server = Server(self, cert, key)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,),
                                        daemon=True)

    def _build_services(self):
        self.credentials = Credentials(self)
        self.metadata = TaskMetadata(self)
        self.imds = Imds(self)
        self.cloudformation = Answers(self)
        self.secretsmanager = SecretsManager(self)
        self.ssm = Ssm(self)
        self.codepipeline = CodePipeline(self)
        self.ecs = Ecs(self)
        self.sts = Sts(self)
        self.sns = Sns(self)
        # The last one takes every form that is nobody else's.
        self._services = [self.credentials, self.metadata, self.imds, self.cloudformation,
                          self.secretsmanager, self.ssm, self.codepipeline, self.ecs, self.sts,
                          self.sns]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Serves from now on, in a thread."""
        self._thread.start()
        return self

    def stop(self):
        """Ends it; requests that hang are broken off."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        if self._log:
            self._log.close()

    # What a client is told -------------------------------------------------------------------

    @property
    def port(self):
        """The port, free when it was chosen."""
        return self._server.server_port

    @property
    def url(self):
        """Where it serves."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def arn(self, name, region=None):
        """The ARN of a topic here; `topics` are those that exist."""
        return f"arn:aws:sns:{region or self.region}:{self.account}:{name}"

    def endpoints(self):
        """Variables that lead every service's calls here."""
        return {f"AWS_ENDPOINT_URL_{name}": self.url for name in ENDPOINTS}

    def environment(self, topic="orders"):
        """Variables of a task whose role gets credentials here and may publish to topic."""
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url + self.credentials.path,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.credentials.authorization,
                **self._common(topic)}

    def static_environment(self, topic="orders"):
        """The same with a static access key."""
        return {"AWS_ACCESS_KEY_ID": self._static.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self._static.secret, **self._common(topic)}

    def web_identity_environment(self, folder, topic="orders"):
        """The same with a web identity, whose token is written into folder."""
        path = os.path.join(folder, "web-identity-token")
        self.rotate_web_identity(path)
        return {"AWS_ROLE_ARN": f"arn:aws:iam::{self.account}:role/lab",
                "AWS_WEB_IDENTITY_TOKEN_FILE": path, **self._common(topic)}

    def rotate_web_identity(self, path):
        """Writes a new web identity token to path, after which the old one is no longer good."""
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(self.sts.issue_web_identity())
        os.replace(path + ".new", path)

    def imds_environment(self, role="lab", topic="orders"):
        """The same on an instance of this role, None: of none. No region is set."""
        self.imds.role = role
        found = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url + "/", **self._common(topic)}
        del found["AWS_REGION"]
        return found

    def metadata_environment(self):
        """Variables of a task on Fargate that say where its metadata is."""
        return {"ECS_CONTAINER_METADATA_URI_V4": self.url + self.metadata.path,
                "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}

    def set_metadata(self, task=None, container=None):
        """Changes members of the task's and of our container's document; None takes one out.
        Whatever was changed before is as it was."""
        self.metadata.task, self.metadata.container = task or {}, container or {}

    def response_url(self, name="answer", token_bytes=300):
        """A response URL of CloudFormation, as answers(name) tells what came there. With
        token_bytes 0 it has no session token."""
        return self.cloudformation.url(name, token_bytes)

    def _common(self, topic):
        return {**self.endpoints(), "AWS_REGION": self.region, "SNS_TOPIC_ARN": self.arn(topic)}

    # What there is ---------------------------------------------------------------------------

    @property
    def topics(self):
        """The ARNs of the topics that exist."""
        return self.sns.topics

    @property
    def roles(self):
        """The ARNs of the roles that may be assumed; `lab` to begin with."""
        return self.sts.roles

    @property
    def lifetime(self):
        """That of temporary credentials."""
        return self.keys.lifetime

    @lifetime.setter
    def lifetime(self, value):
        self.keys.lifetime = value

    def put_secret(self, name, value, stage="AWSCURRENT", region=None):
        """A secret, or a new version of it: a text, a dictionary (its JSON), or bytes. Its ARN. A
        version that becomes AWSCURRENT makes the one before AWSPREVIOUS."""
        return self.secretsmanager.put(name, value, stage, region)

    def delete_secret(self, name, region=None):
        """Marks a secret for deletion; put_secret takes that back."""
        self.secretsmanager.delete(name, region)

    def put_parameter(self, name, value, type="String", region=None, label=None):
        """A parameter, or a new version of it: String, StringList or SecureString. Its ARN. The
        value is not one of secrets(): hide() makes it one."""
        # pylint: disable=redefined-builtin,too-many-arguments
        return self.ssm.put(name, value, type, region, label)

    def put_execution(self, pipeline, execution_id, status="Succeeded", version=6, type="STANDARD",
                      revisions=(("Source", "c0ffee5b1c7e0a9f424d1e8a630c2f7d9e4b18aa"),),
                      stages=(), region=None, account=None):
        """An execution of a pipeline, the newest so far. status may be several, see
        set_execution_status; stages are those in which it succeeded."""
        # pylint: disable=redefined-builtin,too-many-arguments
        execution = Execution(pipeline, execution_id, self.now().timestamp())
        execution.version, execution.kind = version, type
        execution.revisions, execution.stages = tuple(revisions), tuple(stages)
        self.codepipeline.put(execution, status, region, account)

    def set_execution_status(self, execution_id, *statuses):
        """What the next questions about it are answered with, one each, the last for ever:
        ("NotFound", "InProgress", "Succeeded") is a service that takes its time."""
        self.codepipeline.set_status(execution_id, statuses)

    def door(self, socket_path, certificate, users, host):
        """A Door to a PostgreSQL server, see Lab.door; the caller stops it."""
        return Door(self, socket_path, certificate, users, host).start()

    # What happened ---------------------------------------------------------------------------

    def messages(self):
        """Every message that was taken: topic, subject, message, attributes, group, ..."""
        with self._lock:
            return list(self.sns.messages)

    def refusals(self):
        """Every request that was refused: service, path, code, reason."""
        with self._lock:
            return list(self._refusals)

    def requests(self, service=None):
        """Every request that came, or those of a service: service, action, method, path, headers
        (lower-case names), body (a form or JSON as a dictionary, else None), raw (bytes), region
        and access_key_id (as the signature claims them, None without), accepted."""
        with self._lock:
            return [entry for entry in self._requests if service in (None, entry["service"])]

    def answers(self, name="answer"):
        """What was PUT to the response URLs of this name: body (parsed), raw, headers, path."""
        return self.cloudformation.answers(name)

    def secrets(self):
        """What must be seen nowhere."""
        with self._lock:
            return self.keys.secrets() + list(self._hidden)

    def clear(self):
        """Forgets what happened, faults and denials; what there is stays."""
        with self._lock:
            self._refusals, self._faults, self._requests = [], [], []
            self.sns.messages.clear()
        self._denied.clear()
        self.cloudformation.forget()
        self.ecs.forget()

    # Switches --------------------------------------------------------------------------------

    def fail(self, kind, times=1, where="sns", headers=None):
        """The next `times` requests to a service end in kind: one of its codes in aws_faults, for
        those without a signature a status as well ("503"), or one of aws_faults.TRANSPORT. headers
        are added to AWS's own answer. where "imds-credentials" meets only an instance's
        credentials."""
        service = next((one for one in self._services if one.name == where.partition("-")[0]), None)
        if service is None or kind not in service.faults and kind not in aws_faults.TRANSPORT:
            raise ValueError(f"no such fault of {where}: {kind}")
        with self._lock:
            self._faults += [(where, kind, dict(headers or {}))] * times

    def deny(self, action):
        """Nobody may do an action from now on, "secretsmanager:GetSecretValue"; `clear` and
        `allow` take that back."""
        self._denied.add(action.lower())

    def allow(self, action):
        """Takes a denial back."""
        self._denied.discard(action.lower())

    def expire(self):
        """Ends all temporary credentials handed out so far."""
        self.keys.expire(self.now())

    # For the services ------------------------------------------------------------------------

    def now(self):
        """Our clock."""
        return datetime.now(timezone.utc) + self.clock_offset

    def hide(self, text):
        """Makes text one of secrets(), when it is long enough to be one."""
        if text and len(text) >= SECRET_MIN:
            with self._lock:
                self._hidden.append(text)

    def next_fault(self, where):
        """The fault that this request has to end in, as (kind, headers), or None."""
        with self._lock:
            for fault in self._faults:
                if fault[0] == where:
                    self._faults.remove(fault)
                    return fault[1:]
        return None

    def admit(self, call, service):
        """Notes who signed a request, and for which region; raises Refusal."""
        call.key, call.region = verify(call, self.keys.known(), self.regions, service, self.now())

    def allow_only(self, key, action, resource, code):
        """Raises Refusal when action is denied."""
        if action.lower() in self._denied:
            raise Refusal(403 if code != "AccessDeniedException" else 400, code,
                          f"User: {key.arn} is not authorized to perform: {action} on resource: "
                          f"{resource} because no identity-based policy allows the {action} action")

    def is_denied(self, action):
        """Whether an action is denied."""
        return action.lower() in self._denied

    def keep(self, where, entry):
        """Adds to one of the lists, and to the log."""
        with self._lock:
            where.append(entry)
            if self._log:
                print(json.dumps(entry), file=self._log, flush=True)

    def answer(self, call):
        """What to answer a request: an Answer, or the name of a fault of transport."""
        service = next((one for one in self._services if one.owns(call)), None)
        if service is None:
            return self.credentials.complain(Refusal(404, "NotFound", "nobody lives here"))
        call.service = service.name
        found = self._ask(service, call)
        with self._lock:
            self._requests.append(call.entry(not isinstance(found, str) and found.status < 300))
        return found

    def _ask(self, service, call):
        fault = self.next_fault(service.name)
        if fault and fault[0] in aws_faults.TRANSPORT:
            return fault[0]
        try:
            if fault:
                raise Refusal(*_split(service.faults[fault[0]], fault[0]), fault[1])
            return service.answer(call)
        except Refusal as refusal:
            self.keep(self._refusals, {"service": service.name, "path": call.path,
                                       "code": refusal.code, "reason": refusal.message})
            return service.complain(refusal)


def _split(fault, code):
    status, message = fault
    return status, code, message


def main():
    """Serves until told to stop."""
    parser = argparse.ArgumentParser(description="A stand-in for AWS on a loopback port.")
    parser.add_argument("--port-file", required=True, help="gets the port, once it serves")
    parser.add_argument("--log", help="gets a JSON line for each message and refusal")
    parser.add_argument("--cert", help="serve TLS with this certificate")
    parser.add_argument("--key", help="and this key")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with AwsEndpoint(cert=options.cert, key=options.key, log=options.log) as aws:
        with open(options.port_file + ".new", "w", encoding="ascii") as file:
            print(aws.port, file=file)
        os.replace(options.port_file + ".new", options.port_file)
        stop.wait()


if __name__ == "__main__":
    main()
