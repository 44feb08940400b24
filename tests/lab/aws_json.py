"""The protocol JSON 1.1, and two services that speak it: Secrets Manager and SSM's parameters."""

import base64
import json
import re
import uuid

import aws_faults
from aws_keys import identifier
from aws_server import Answer
from aws_signature import Refusal

KIND = "application/x-amz-json-1.1"
ARN = re.compile(r"arn:[a-z0-9-]+:[a-z-]+:([a-z0-9-]+):(\d{12}):(.+)")
# What the check of a signature says in terms of the query protocol, in these services' terms.
RENAMED = {"ExpiredToken": "ExpiredTokenException",
           "IncompleteSignature": "IncompleteSignatureException",
           "InvalidClientTokenId": "UnrecognizedClientException",
           "MissingAuthenticationToken": "MissingAuthenticationTokenException",
           "SignatureDoesNotMatch": "InvalidSignatureException"}
# Members that hold the message: AWS is not of one mind, and some errors have none.
CAPITAL = {"AccessDeniedException", "DecryptionFailure", "InternalServerError",
           "InternalServiceError", "InvalidParameterException", "InvalidRequestException",
           "ResourceNotFoundException"}


class JsonService:
    """What these services have in common; `prefix` is that of their targets."""

    name = prefix = None
    faults = {}
    actions = {}  # operation -> method name
    namespace = ""  # before the code, in __type

    def __init__(self, aws):
        self.aws = aws

    def owns(self, call):
        """Whether a request is for this service; notes its action."""
        target = call.header("x-amz-target") or ""
        if call.method != "POST" or not target.startswith(self.prefix + "."):
            return False
        call.action = target[len(self.prefix) + 1:]
        try:
            call.parsed = json.loads(call.body)
        except ValueError:
            call.parsed = None
        return True

    def answer(self, call):
        """The answer to a request; raises Refusal."""
        self.aws.admit(call, self.name)
        if call.header("content-type") != KIND:
            raise Refusal(400, "UnknownOperationException", "")
        if call.action not in self.actions:
            raise Refusal(400, "UnknownOperationException", "")
        if not isinstance(call.parsed, dict):
            raise Refusal(400, "SerializationException", "")
        found = getattr(self, self.actions[call.action])(call, call.parsed)
        return Answer(200, KIND, json.dumps(found))

    def complain(self, refusal):
        """A refusal in this protocol."""
        code = RENAMED.get(refusal.code, refusal.code)
        status = 400 if code != refusal.code else refusal.status
        member = "Message" if code in CAPITAL else "message"
        body = {"__type": self.namespace + code}
        if refusal.message:
            body[member] = refusal.message
        return Answer(status, KIND, json.dumps(body),
                      {"x-amzn-ErrorType": code, **refusal.headers})

    def allow(self, call, resource):
        """Raises Refusal when the caller may not do this to resource."""
        self.aws.allow_only(call.key, f"{self.name}:{call.action}", resource,
                            "AccessDeniedException")


def text_member(values, name, pattern=None, optional=False):
    """A member of a request that has to be a text, matching pattern; raises Refusal."""
    value = values.get(name)
    if value is None and optional:
        return None
    if value is not None and not isinstance(value, str):
        raise Refusal(400, "SerializationException",
                      f"class {type(value).__name__} can not be converted to an String")
    shown = name[0].lower() + name[1:]
    if value is None:
        raise Refusal(400, "ValidationException",
                      f"1 validation error detected: Value null at '{shown}' failed to satisfy "
                      "constraint: Member must not be null")
    if pattern and not re.fullmatch(pattern, value):
        raise Refusal(400, "ValidationException",
                      f"1 validation error detected: Value '{value}' at '{shown}' failed to "
                      "satisfy constraint: Member must satisfy regular expression pattern: "
                      f"{pattern}")
    return value


class Secret:
    """A secret and its versions, the newest last."""

    def __init__(self, arn, name):
        self.arn = arn
        self.name = name
        self.deleted = False
        self.versions = []

    def add(self, member, value, stage, now):
        """A version more; it takes the stage from the one that had it."""
        for version in self.versions:
            if stage == "AWSCURRENT":
                version["VersionStages"] = [label for label in version["VersionStages"]
                                            if label != "AWSPREVIOUS"]
            if stage in version["VersionStages"]:
                version["VersionStages"].remove(stage)
                if stage == "AWSCURRENT":
                    version["VersionStages"].append("AWSPREVIOUS")
        self.versions.append({"ARN": self.arn, "Name": self.name, "VersionId": str(uuid.uuid4()),
                              member: value, "VersionStages": [stage],
                              "CreatedDate": round(now, 3)})


class SecretsManager(JsonService):
    """Secrets, each in its region."""

    name = prefix = "secretsmanager"
    faults = aws_faults.SECRETS_MANAGER
    actions = {"GetSecretValue": "get_secret_value"}

    def __init__(self, aws):
        super().__init__(aws)
        self._secrets = {}  # (region, name)

    def put(self, name, value, stage, region):
        """A new version of a secret, which is made when there is none; its ARN."""
        region = region or self.aws.region
        secret = self._secrets.get((region, name))
        if secret is None:
            arn = f"arn:aws:secretsmanager:{region}:{self.aws.account}:secret:{name}-"
            secret = Secret(arn + base64.b32encode(uuid.uuid4().bytes)[:6].decode(), name)
            self._secrets[region, name] = secret
        secret.deleted = False
        member = "SecretBinary" if isinstance(value, bytes) else "SecretString"
        self._hide(value)
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        elif isinstance(value, dict):
            value = json.dumps(value)
        secret.add(member, value, stage, self.aws.now().timestamp())
        return secret.arn

    def _hide(self, value):
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                self.aws.hide(value)
        if isinstance(value, dict):
            self.aws.hide(value.get("password"))

    def delete(self, name, region):
        """Marks a secret for deletion."""
        self._secrets[region or self.aws.region, name].deleted = True

    def get_secret_value(self, call, values):
        """GetSecretValue"""
        wanted = text_member(values, "SecretId", r"[\s\S]{1,2048}")
        version = text_member(values, "VersionId", r"[\s\S]{32,64}", optional=True)
        stage = text_member(values, "VersionStage", r"[\s\S]{1,256}", optional=True)
        self._check_account(call, wanted)
        secret = self._find(wanted, call.region, call.key.account)
        self.allow(call, secret.arn if secret else wanted)
        if secret is None:
            raise Refusal(400, "ResourceNotFoundException",
                          "Secrets Manager can't find the specified secret.")
        if secret.deleted:
            raise Refusal(400, "InvalidRequestException", "You can't perform this operation on the "
                          "secret because it was marked for deletion.")
        return self._choose(secret, version, stage)

    def _check_account(self, call, wanted):
        match = ARN.fullmatch(wanted)
        if match and match[2] != call.key.account:
            raise Refusal(400, "AccessDeniedException",
                          f"User: {call.key.arn} is not authorized to perform: secretsmanager:"
                          f"GetSecretValue on resource: {wanted} because no resource-based policy "
                          "allows the secretsmanager:GetSecretValue action")

    def _find(self, wanted, region, account):
        if account != self.aws.account:
            return None
        for (place, name), secret in self._secrets.items():
            # The last: an ARN without the six characters at its end.
            if place == region and wanted in (name, secret.arn, secret.arn[:-7]):
                return secret
        return None

    @staticmethod
    def _choose(secret, version_id, stage):
        found = secret.versions
        if version_id:
            found = [one for one in found if one["VersionId"] == version_id]
            if not found:
                raise Refusal(400, "ResourceNotFoundException", "Secrets Manager can't find the "
                              f"specified secret value for VersionId: {version_id}")
        if stage or not version_id:
            label = stage or "AWSCURRENT"
            chosen = [one for one in found if label in one["VersionStages"]]
            if not chosen and version_id:
                raise Refusal(400, "InvalidRequestException", "You provided a VersionStage that is "
                              "not associated to the provided VersionId.")
            if not chosen:
                raise Refusal(400, "ResourceNotFoundException", "Secrets Manager can't find the "
                              f"specified secret value for staging label: {label}")
            found = chosen
        return dict(found[-1])


class Ssm(JsonService):
    """The parameter store, a parameter in its region."""

    name = "ssm"
    prefix = "AmazonSSM"
    faults = aws_faults.SSM
    actions = {"GetParameter": "get_parameter"}

    def __init__(self, aws):
        super().__init__(aws)
        self._parameters = {}  # (region, name) -> versions

    def put(self, name, value, kind, region, label=None):
        """A new version of a parameter; its ARN."""
        region = region or self.aws.region
        versions = self._parameters.setdefault((region, name), [])
        arn = f"arn:aws:ssm:{region}:{self.aws.account}:parameter/{name.removeprefix('/')}"
        versions.append({"value": value, "kind": kind, "arn": arn, "label": label,
                         "time": self.aws.now().timestamp(),
                         "sealed": identifier("AQICAHh") + uuid.uuid4().hex})
        return arn

    def get_parameter(self, call, values):
        """GetParameter"""
        wanted = text_member(values, "Name", r"[\s\S]{1,2048}")
        if not isinstance(values.get("WithDecryption", False), bool):
            raise Refusal(400, "SerializationException", "")
        name, versions, selector = self._find(wanted, call.region, call.key.account)
        self.allow(call, versions[-1]["arn"] if versions else
                   f"arn:aws:ssm:{call.region}:{call.key.account}:parameter/"
                   f"{wanted.removeprefix('/')}")
        if not versions:
            raise Refusal(400, "ParameterNotFound", "")
        number = self._number(versions, selector, name)
        version = versions[number - 1]
        plain = version["kind"] != "SecureString" or values.get("WithDecryption", False)
        found = {"ARN": version["arn"], "DataType": "text", "Name": name, "Type": version["kind"],
                 "LastModifiedDate": round(version["time"], 3), "Version": number,
                 "Value": version["value"] if plain else version["sealed"]}
        if selector:
            found["Selector"] = ":" + selector
        return {"Parameter": found}

    def _find(self, wanted, region, account):
        """(name, its versions, selector); no versions when there is no such parameter."""
        if account == self.aws.account:
            for (place, name), versions in self._parameters.items():
                for known in (name, versions[-1]["arn"]):
                    rest = wanted.removeprefix(known)
                    if place == region and wanted.startswith(known) and rest[:1] in ("", ":"):
                        return name, versions, rest[1:]
        return wanted, [], ""

    @staticmethod
    def _number(versions, selector, name):
        if not selector:
            return len(versions)
        if selector.isdigit() and 1 <= int(selector) <= len(versions):
            return int(selector)
        for number, version in enumerate(versions, 1):
            if version["label"] == selector:
                return number
        raise Refusal(400, "ParameterVersionNotFound",
                      f"Systems Manager could not find version {selector} of {name}. Verify the "
                      "version and try again.")
