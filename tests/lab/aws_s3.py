"""The place that CloudFormation wants its answers at: a presigned URL of S3."""

import json
import secrets
import uuid
from urllib.parse import quote
from xml.sax.saxutils import escape

import aws_faults
from aws_keys import identifier
from aws_server import Answer
from aws_signature import Refusal


class Answers:
    """Response URLs handed out, and what was PUT there."""

    name = "cloudformation"
    prefix = "/cloudformation-custom-resource-response-"
    faults = aws_faults.S3

    def __init__(self, aws):
        self.aws = aws
        self._names = {}  # path and query -> name
        self._answers = []  # (name, answer)

    def url(self, name, token_bytes):
        """A new URL for the answers called name; its query is a credential."""
        region = self.aws.region
        stack = f"arn:aws:cloudformation:{region}:{self.aws.account}:stack/ledger/{uuid.uuid4()}"
        now = f"{self.aws.now():%Y%m%dT%H%M%SZ}"
        parts = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Date": now,
                 "X-Amz-SignedHeaders": "host", "X-Amz-Expires": "7200",
                 "X-Amz-Credential": f"{identifier('ASIA')}/{now[:8]}/{region}/s3/aws4_request",
                 "X-Amz-Security-Token": secrets.token_urlsafe(token_bytes) + "/+==",
                 "X-Amz-Signature": secrets.token_hex(32)}
        if not token_bytes:
            del parts["X-Amz-Security-Token"]
        path = (self.prefix + region.replace("-", "") + "/"
                + quote(f"{stack}|Migration|{uuid.uuid4()}", safe=""))
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in parts.items())
        self._names[f"{path}?{query}"] = name
        self.aws.hide(parts["X-Amz-Signature"])
        self.aws.hide(parts.get("X-Amz-Security-Token"))
        return f"{self.aws.url}{path}?{query}"

    def answers(self, name):
        """What was PUT to the URLs of this name."""
        return [answer for known, answer in list(self._answers) if known == name]

    def forget(self):
        """Nothing was PUT; the URLs stay good."""
        self._answers = []

    def owns(self, call):
        """Whether a request is for this service."""
        call.action = call.method
        return call.path.startswith(self.prefix)

    def answer(self, call):
        """Takes an answer; raises Refusal."""
        name = self._names.get(call.target)
        if name is None or call.method != "PUT" or call.header("content-type"):
            raise Refusal(403, "SignatureDoesNotMatch", self.faults["SignatureDoesNotMatch"][1])
        unsigned = [key for key, _ in call.headers if key.lower().startswith("x-amz-")]
        if unsigned or call.header("authorization"):
            raise Refusal(403, "AccessDenied",
                          "There were headers present in the request which were not signed")
        if call.header("transfer-encoding"):
            raise Refusal(501, "NotImplemented", self.faults["NotImplemented"][1])
        if call.header("content-length") is None:
            raise Refusal(411, "MissingContentLength", self.faults["MissingContentLength"][1])
        try:
            body = json.loads(call.body)
        except ValueError:
            body = None
        self._answers.append((name, {"body": body, "raw": call.body, "path": call.target,
                                     "headers": {key.lower(): value
                                                 for key, value in call.headers}}))
        return Answer(200, None, "", {"ETag": f'"{uuid.uuid4().hex}"', "Server": "AmazonS3"})

    @staticmethod
    def complain(refusal):
        """A refusal, in S3's XML."""
        return Answer(refusal.status, "application/xml", (
            '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>'
            f"{refusal.code}</Code><Message>{escape(refusal.message)}</Message><RequestId>"
            f"{identifier('', 16)}</RequestId><HostId>{secrets.token_urlsafe(40)}</HostId></Error>"),
            refusal.headers)
