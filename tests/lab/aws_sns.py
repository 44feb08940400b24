"""What SNS makes of a Publish: the rules it holds a message to, and its answers."""

import re
import uuid
from datetime import timedelta

import aws_faults
from aws_query import QueryService, result
from aws_signature import Refusal

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
SIZE_MAX = 262144
DEDUPLICATION = timedelta(minutes=5)
# Alphanumeric and punctuation, as group and deduplication ids have to be.
ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
SUBJECT = re.compile(r"[!-~][ -~]{0,98}")
ATTRIBUTE_NAME = re.compile(r"(?!AWS\.|Amazon\.)(?!.*\.\.)(?!\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
# XML 1.0 has no others, and neither has a message.
NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def invalid(message):
    """The refusal that most broken rules have in common."""
    return Refusal(400, "InvalidParameter", f"Invalid parameter: {message}")


class Sns(QueryService):
    """The topics, and the messages that they took."""

    name = "sns"
    namespace = NAMESPACE
    faults = aws_faults.SNS
    actions = {"Publish": "publish"}

    def __init__(self, aws):
        super().__init__(aws)
        self.topics = {aws.arn("orders"), aws.arn("orders.fifo")}
        self.messages = []
        self._sequence = 10000000000000003000

    def owns(self, call):
        """Every form that is nobody else's."""
        super().owns(call)
        return call.method == "POST" and not call.header("x-amz-target")

    def answer(self, call):
        """Publish, and nothing else."""
        if call.action not in self.actions or call.parsed.get("Version") != "2010-03-31":
            self.aws.admit(call, self.name)
            raise Refusal(400, "InvalidAction", "The action or operation requested is invalid.")
        return super().answer(call)

    def publish(self, call, form):
        """Takes a message."""
        topic = _topic(form, self.topics, call.region, call.key)
        self.aws.allow_only(call.key, "SNS:Publish", topic, "AuthorizationError")
        message = _message(form, topic)
        message["id"] = str(uuid.uuid4())
        message["time"] = self.aws.now().timestamp()
        message["duplicate"] = self._is_duplicate(message)
        self.aws.keep(self.messages, message)
        number = ""
        if topic.endswith(".fifo"):
            self._sequence += 1
            number = f"<SequenceNumber>{self._sequence}</SequenceNumber>"
        return result(NAMESPACE, "Publish", f"<MessageId>{message['id']}</MessageId>{number}")

    def _is_duplicate(self, message):
        return message["deduplication"] is not None and any(
            (known["topic"], known["deduplication"]) == (message["topic"], message["deduplication"])
            and message["time"] - known["time"] < DEDUPLICATION.total_seconds()
            for known in list(self.messages))


def _message(form, topic):
    """The message that a form publishes, as a dict; raises Refusal."""
    attributes = _attributes(form)
    text = form.get("Message", "")
    _check_text(text, attributes)
    if "Subject" in form and not SUBJECT.fullmatch(form["Subject"]):
        raise invalid("Subject")
    _check_ordering(form, topic.endswith(".fifo"))
    return {"topic": topic, "subject": form.get("Subject"), "message": text,
            "attributes": attributes, "group": form.get("MessageGroupId"),
            "deduplication": form.get("MessageDeduplicationId")}


def _topic(form, topics, region, key):
    topic = form.get("TopicArn", "")
    match = re.fullmatch(r"arn:[a-z0-9-]+:sns:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_.-]{1,256})", topic)
    if match is None or match[1] != region:
        raise invalid("TopicArn")
    if match[2] != key.account:
        raise Refusal(403, "AuthorizationError",
                      f"User: {key.arn} is not authorized to perform: SNS:Publish on resource: "
                      f"{topic} because no resource-based policy allows the SNS:Publish action")
    if topic not in topics:
        raise Refusal(404, "NotFound", "Topic does not exist")
    return topic


def _attributes(form):
    """{name: (type, value)}, entries counted from 1 without a gap."""
    prefix = "MessageAttributes.entry."
    count = len({key[len(prefix):].split(".")[0] for key in form if key.startswith(prefix)})
    found = {}
    for number in range(1, count + 1):
        entry = f"{prefix}{number}."
        name = form.get(f"{entry}Name", "")
        kind = form.get(f"{entry}Value.DataType", "")
        value = form.get(f"{entry}Value.StringValue", "")
        _check_attribute(name, kind, value)
        if name in found:
            raise invalid(f"Duplicate message attribute name '{name}'")
        found[name] = (kind, value)
    return found


def _check_attribute(name, kind, value):
    if not ATTRIBUTE_NAME.fullmatch(name):
        raise invalid("Message attribute name can contain A-Z, a-z, 0-9, '_', '-' and '.'")
    if kind not in ("String", "Number"):
        raise Refusal(400, "ParameterValueInvalid",
                      f"The message attribute '{name}' has an invalid message attribute type")
    if not value or NO_CHARACTER.search(value):
        raise Refusal(400, "ParameterValueInvalid",
                      f"The message attribute '{name}' must contain non-empty message attribute "
                      f"value for message attribute type '{kind}'.")
    if kind == "Number" and not NUMBER.fullmatch(value):
        raise Refusal(400, "ParameterValueInvalid",
                      f"Could not cast message attribute '{name}' value to number.")


def _check_text(text, attributes):
    if not text:
        raise invalid("Empty message")
    if NO_CHARACTER.search(text):
        raise invalid("Message has characters that are not allowed")
    parts = [text] + [part for name, pair in attributes.items() for part in (name, *pair)]
    if sum(len(part.encode()) for part in parts) > SIZE_MAX:
        raise invalid("Message too long")


def _check_ordering(form, fifo):
    group = form.get("MessageGroupId")
    deduplication = form.get("MessageDeduplicationId")
    if fifo and group is None:
        raise invalid("The MessageGroupId parameter is required for FIFO topics")
    if fifo and deduplication is None:
        raise invalid("The topic should either have ContentBasedDeduplication enabled or "
                      "MessageDeduplicationId provided explicitly")
    if not fifo and deduplication is not None:
        raise invalid("The request includes MessageDeduplicationId parameter that is not valid for "
                      "this topic type")
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if value is not None and not ID.fullmatch(value):
            raise invalid(name)
