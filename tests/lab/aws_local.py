"""What answers inside a machine: a task's credentials and metadata (ECS), and an instance's (EC2).

The last is version 2, which begins with a token; version 1 is turned off.
"""

import json
import secrets
import uuid
from datetime import timedelta

import aws_faults
from aws_keys import identifier, stamp
from aws_server import Answer
from aws_signature import Refusal

TASK = "0cf1d9a27e5b4c38a1d64f0b9e7723aa"
DIGEST = "sha256:6d1a9b0f2c3e4d5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7"
HOUR = timedelta(hours=6)


def _json(value):
    return Answer(200, "application/json", json.dumps(value))


class LocalService:
    """What these have in common: paths below a prefix, asked for without a signature."""

    name = prefix = None
    faults = aws_faults.STATUSES

    def __init__(self, aws):
        self.aws = aws

    def owns(self, call):
        """Whether a request is for this service."""
        call.action = f"{call.method} {call.path}"
        return call.path.startswith(self.prefix)

    def complain(self, refusal):
        """A refusal."""
        return Answer(refusal.status, "application/json", json.dumps(
            {"code": refusal.code, "message": refusal.message}), refusal.headers)


class Credentials(LocalService):
    """A task role's credentials."""

    name = "credentials"
    prefix = "/v2/credentials/"
    faults = aws_faults.CREDENTIALS

    def __init__(self, aws):
        super().__init__(aws)
        self.role = "lab"
        self.authorization = secrets.token_urlsafe(24)
        self.path = f"{self.prefix}{uuid.uuid4()}"
        aws.hide(self.authorization)

    def answer(self, call):
        """Fresh ones; raises Refusal."""
        if call.method != "GET" or call.target != self.path:
            raise Refusal(404, "NotFound", "no credentials at this path")
        if call.header("authorization") != self.authorization:
            raise Refusal(401, "AccessDenied", "the authorization token is wrong or missing")
        account = self.aws.account
        key = self.aws.keys.temporary(f"arn:aws:sts::{account}:assumed-role/{self.role}/{TASK}",
                                      self.aws.now())
        return _json({"RoleArn": f"arn:aws:iam::{account}:role/{self.role}",
                      "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret,
                      "Token": key.token, "Expiration": stamp(key.expires)})


class TaskMetadata(LocalService):
    """The task metadata endpoint, version 4: a task with this container and a sidecar."""

    name = "metadata"
    prefix = "/v4/"

    def __init__(self, aws):
        super().__init__(aws)
        self.path = f"{self.prefix}{TASK}-2531612879"
        self.task = {}  # members that are changed; None takes one out
        self.container = {}

    def answer(self, call):
        """The container's document, or the task's; raises Refusal."""
        if call.method == "GET" and call.target == self.path:
            return _json(self._container())
        if call.method == "GET" and call.target == self.path + "/task":
            return _json(self._task())
        raise Refusal(404, "NotFound", "V4 metadata handler: unable to get container")

    def _arn(self, resource):
        return f"arn:aws:ecs:{self.aws.region}:{self.aws.account}:{resource}"

    def _container(self):
        return _changed(self._any_container("migrate", "210987654321.dkr.ecr.eu-west-3.amazonaws."
                                            "com/orders-migrate:2031-03-14", 2531612879),
                        self.container)

    def _any_container(self, name, image, number):
        return {
            "DockerId": f"{TASK}-{number}", "Name": name, "DockerName": name, "Image": image,
            "ImageID": DIGEST,
            "Labels": {"com.amazonaws.ecs.cluster": self._arn("cluster/ops"),
                       "com.amazonaws.ecs.container-name": name,
                       "com.amazonaws.ecs.task-arn": self._arn(f"task/ops/{TASK}"),
                       "com.amazonaws.ecs.task-definition-family": "orders-migrate",
                       "com.amazonaws.ecs.task-definition-version": "42"},
            "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Limits": {"CPU": 2},
            "CreatedAt": "2031-03-14T09:27:01.310283745Z",
            "StartedAt": "2031-03-14T09:27:01.310283745Z", "Type": "NORMAL",
            "LogDriver": "awslogs",
            "LogOptions": {"awslogs-group": "/ecs/orders-migrate",
                           "awslogs-region": self.aws.region,
                           "awslogs-stream": f"migrate/{name}/{TASK}"},
            "ContainerARN": self._arn(f"container/ops/{TASK}/{uuid.UUID(int=number)}"),
            "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.2.106"],
                          "AttachmentIndex": 0, "MACAddress": "02:1f:0a:5e:11:3d",
                          "IPv4SubnetCIDRBlock": "10.0.2.0/24",
                          "DomainNameServers": ["10.0.0.2"],
                          "PrivateDNSName": "ip-10-0-2-106.eu-west-3.compute.internal",
                          "SubnetGatewayIpv4Address": "10.0.2.1/24"}],
            "Snapshotter": "overlayfs"}

    def _task(self):
        pause = {"DockerId": f"{TASK}-1", "Name": "~internal~ecs~pause", "Type": "CNI_PAUSE",
                 "DockerName": "ecs-orders-migrate-42-internalecspause", "ImageID": "",
                 "Image": "amazon/amazon-ecs-pause:0.1.0", "DesiredStatus": "RESOURCES_PROVISIONED",
                 "KnownStatus": "RESOURCES_PROVISIONED", "Limits": {"CPU": 0, "Memory": 0}}
        return _changed({
            "Cluster": self._arn("cluster/ops"), "TaskARN": self._arn(f"task/ops/{TASK}"),
            "Family": "orders-migrate", "Revision": "42", "DesiredStatus": "RUNNING",
            "KnownStatus": "RUNNING", "Limits": {"CPU": 0.25, "Memory": 512},
            "PullStartedAt": "2031-03-14T09:26:55.120931045Z",
            "PullStoppedAt": "2031-03-14T09:27:00.417503562Z",
            "AvailabilityZone": f"{self.aws.region}a", "LaunchType": "FARGATE",
            "Containers": [pause, self._any_container("forwarder", "example/forwarder:2", 7),
                           self._container()],
            "ClockDrift": {"ClockErrorBound": 0.5, "ClockSynchronizationStatus": "SYNCHRONIZED",
                           "ReferenceTimestamp": "2031-03-14T09:26:00Z"},
            "EphemeralStorageMetrics": {"Utilized": 261, "Reserved": 20496},
            "FaultInjectionEnabled": False}, self.task)


def _changed(document, changes):
    return {name: value for name, value in {**document, **changes}.items() if value is not None}


class Imds(LocalService):
    """The instance metadata service, version 2 only. `role` None: the instance has none."""

    name = "imds"
    prefix = "/latest/"
    faults = aws_faults.IMDS

    def __init__(self, aws):
        super().__init__(aws)
        self.role = "lab"
        self._tokens = {}  # -> when they end

    def answer(self, call):
        """A token, or what is known about the instance; raises Refusal."""
        if call.header("x-forwarded-for"):
            raise Refusal(403, "Forbidden", "a request that was forwarded")
        if call.target == "/latest/api/token":
            return self._token(call)
        end = self._tokens.get(call.header("x-aws-ec2-metadata-token"))
        if end is None or end <= self.aws.now():
            raise Refusal(401, "Unauthorized", "version 1 is turned off: there is no good token")
        if call.method != "GET":
            raise Refusal(405, "Method Not Allowed", "only GET")
        return self._document(call.target)

    def _token(self, call):
        if call.method != "PUT":
            raise Refusal(405, "Method Not Allowed", "a token is got by PUT")
        lifetime = call.header("x-aws-ec2-metadata-token-ttl-seconds") or ""
        if not lifetime.isdigit() or not 1 <= int(lifetime) <= 21600:
            raise Refusal(400, "Bad Request", "the token's lifetime is missing or wrong")
        token = secrets.token_urlsafe(40) + "=="
        self._tokens[token] = self.aws.now() + timedelta(seconds=int(lifetime))
        self.aws.hide(token)
        return Answer(200, "text/plain", token,
                      {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": lifetime})

    def _document(self, path):
        base = "/latest/meta-data/"
        texts = {f"{base}placement/region": self.aws.region,
                 f"{base}placement/availability-zone": f"{self.aws.region}a"}
        if self.role:
            texts[f"{base}iam/security-credentials"] = self.role
        if path.removesuffix("/") in texts:
            return Answer(200, "text/plain", texts[path.removesuffix("/")])
        if not self.role or path != f"{base}iam/security-credentials/{self.role}":
            raise Refusal(404, "Not Found", "no such document")
        return self._credentials()

    def _credentials(self):
        code = self.aws.next_fault("imds-credentials")
        if code and code[0] in aws_faults.ROLE_UNUSABLE:
            return Answer(200, "text/plain", json.dumps({
                "Code": code[0], "Message": aws_faults.ROLE_UNUSABLE[code[0]][1],
                "LastUpdated": stamp(self.aws.now())}))
        if code:
            raise Refusal(*self.faults[code[0]][:1], *code[:1], self.faults[code[0]][1])
        key = self.aws.keys.temporary(f"arn:aws:sts::{self.aws.account}:assumed-role/{self.role}/"
                                      f"{identifier('i-', 17).lower()}", self.aws.now())
        return Answer(200, "text/plain", json.dumps({
            "Code": "Success", "LastUpdated": stamp(self.aws.now()), "Type": "AWS-HMAC",
            "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret, "Token": key.token,
            "Expiration": stamp(key.expires)}))

    def complain(self, refusal):
        """A refusal, which is a page."""
        return Answer(refusal.status, "text/html", (
            '<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>'
            f"{refusal.status} - {refusal.code}</title></head><body><h1>{refusal.status} - "
            f"{refusal.code}</h1></body></html>\n"))
