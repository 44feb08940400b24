"""The query protocol, which SNS and STS speak: forms in, XML out."""

import uuid
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from aws_server import Answer
from aws_signature import Refusal


def read_form(body):
    """The parameters of a form body; raises Refusal."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True,
                          errors="strict")
    except ValueError:
        raise Refusal(400, "MalformedQueryString", "The query string is malformed.") from None
    if len(dict(pairs)) != len(pairs):
        raise Refusal(400, "MalformedQueryString", "A parameter is there twice.")
    return dict(pairs)


def loose_form(body):
    """The same, and {} for what is none."""
    try:
        return read_form(body)
    except Refusal:
        return {}


def result(namespace, action, inner):
    """The XML of a success; inner is XML."""
    return Answer(200, "text/xml", (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{inner}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
        f"</{action}Response>"))


def complaint(namespace, refusal):
    """The XML of a refusal."""
    kind = "Receiver" if refusal.status >= 500 else "Sender"
    return Answer(refusal.status, "text/xml", (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{refusal.code}</Code>'
        f"<Message>{escape(refusal.message)}</Message></Error><RequestId>{uuid.uuid4()}"
        "</RequestId></ErrorResponse>"), refusal.headers)


class QueryService:
    """What SNS and STS have in common. `form_required`: what the Content-Type has to be."""

    name = namespace = None
    faults = {}
    actions = {}  # action -> method name
    unsigned = ()  # actions that nobody signs

    def __init__(self, aws):
        self.aws = aws

    def owns(self, call):
        """Whether a request is for this service; notes its action."""
        if call.method != "POST" or call.header("x-amz-target"):
            return False
        call.parsed = loose_form(call.body)
        call.action = call.parsed.get("Action")
        return call.action in self.actions

    def answer(self, call):
        """The answer to a request; raises Refusal."""
        if call.action not in self.unsigned or call.header("authorization"):
            self.aws.admit(call, self.name)
        kind = call.header("content-type") or ""
        if not kind.startswith("application/x-www-form-urlencoded"):
            raise Refusal(400, "MalformedInput", "Content-Type is not a form's")
        return getattr(self, self.actions[call.action])(call, read_form(call.body))

    def complain(self, refusal):
        """A refusal in this protocol."""
        return complaint(self.namespace, refusal)
