"""What EventBridge and EventBridge Scheduler hand to a target: the input of a rule's target, by
InputTransformer or otherwise, and a schedule's text with its keywords replaced.

As observed: values are put into the template as they are, without any escaping; only text in the
place of a JSON value gets quotation marks around it. What is no JSON afterwards is not delivered.
"""

import json
import re

import raw_json
from raw_json import Number

LENGTH_MAX = 8192  # of InputTemplate and Input
PATHS_MAX = 100
PATH = re.compile(r"\$((\.[\w-]+|\['[^'\]]+'\]|\[\d+\])*)", re.A)
STEP = re.compile(r"\.([\w-]+)|\['([^'\]]+)'\]|\[(\d+)\]", re.A)
TOKEN = re.compile(r'\\.|"|<([\w.-]+)>', re.A | re.S)
RESERVED_TEXT = ("aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time")
RESERVED_JSON = ("aws.events.event", "aws.events.event.json")
MISSING = object()
MARK = "\ufffe"


class TargetError(ValueError):
    """PutTargets refuses the target."""


class Undelivered(ValueError):
    """The target cannot be given what the rule makes of the event: it fails, once and for all."""


class Rule:
    """What the predefined variables know about a rule."""

    def __init__(self, arn, ingestion_time="2031-03-14T09:26:54Z"):
        self.arn = arn
        self.name = arn.rsplit("/", 1)[-1]
        self.ingestion_time = ingestion_time

    def variables(self, event):
        """The predefined variables for an event."""
        shown = {"detailType" if key == "detail-type" else key: value
                 for key, value in event.items() if key != "detail"}
        return dict(zip(RESERVED_TEXT + RESERVED_JSON,
                        (self.arn, self.name, self.ingestion_time, shown, event)))


def target_input(target, event, rule):
    """The text that a target (as PutTargets has it) gets for an event of raw_json; raises
    TargetError, Undelivered."""
    ways = [way for way in ("Input", "InputPath", "InputTransformer") if way in target]
    if len(ways) > 1:
        raise TargetError("Only one of Input, InputPath, or InputTransformer must be provided")
    if "InputTransformer" in target:
        return InputTransformer(target["InputTransformer"]).apply(event, rule)
    if "InputPath" in target:
        found = _find(target["InputPath"], event)
        return raw_json.write({} if found is MISSING else found)
    if "Input" in target:
        _check_constant(target["Input"])
        return target["Input"]
    return raw_json.write(event)


def schedule_input(text, schedule_arn, scheduled_time, execution_id, attempt=1):
    """A schedule's Input with the keywords of EventBridge Scheduler replaced; others stay. It may
    be any text; raises TargetError."""
    _check_length(text)
    for word, value in (("schedule-arn", schedule_arn), ("scheduled-time", scheduled_time),
                        ("execution-id", execution_id), ("attempt-number", str(attempt))):
        text = text.replace(f"<aws.scheduler.{word}>", value)
    return text


def _check_length(text):
    if not 1 <= len(text) <= LENGTH_MAX:
        raise TargetError(f"Input has {len(text)} characters")


def _check_constant(text):
    _check_length(text)
    try:
        json.loads(text)
    except ValueError as error:
        raise TargetError(f"Input is no JSON: {error}") from error


def _steps(path):
    match = PATH.fullmatch(path) if isinstance(path, str) and len(path) <= 256 else None
    if match is None:
        raise TargetError(f"Invalid input path {path}")
    return [(name or quoted, index) for name, quoted, index in STEP.findall(match[1])]


def _find(path, event):
    """What stands at a path, or MISSING."""
    value = event
    for name, index in _steps(path):
        if index:
            there = isinstance(value, list) and int(index) < len(value)
        else:
            there = isinstance(value, dict) and name in value
        if not there:
            return MISSING
        value = value[int(index) if index else name]
    return value


def _refuse_marked_keys(pairs):
    if any(MARK in key for key, _ in pairs):
        raise ValueError("a placeholder cannot be a key")
    return dict(pairs)


class InputTransformer:
    """An InputTransformer that PutTargets takes; raises TargetError."""

    def __init__(self, properties):
        self._paths = properties.get("InputPathsMap", {})
        self._template = properties.get("InputTemplate", "")
        self._check_paths()
        if not 1 <= len(self._template) <= LENGTH_MAX:
            raise TargetError(f"InputTemplate has {len(self._template)} characters")
        self._is_json = self._template.lstrip()[:1] in ("{", "[")
        self._parts = list(self._split())
        self._check_template()

    def _check_paths(self):
        if len(self._paths) > PATHS_MAX:
            raise TargetError(f"InputPathsMap has {len(self._paths)} entries")
        for name, path in self._paths.items():
            if not re.fullmatch(r"[\w.-]+", name, re.A) or name.upper().startswith("AWS."):
                raise TargetError(f"InputPathsMap has the invalid key {name}")
            _steps(path)

    def _split(self):
        """(text in front, placeholder or None, whether the placeholder stands inside quotes)."""
        at, inside = 0, False
        for match in TOKEN.finditer(self._template):
            if match[0] == '"':
                inside = not inside
            elif match[1]:
                yield self._template[at:match.start()], match[1], inside
                at = match.end()
        yield self._template[at:], None, False

    def _check_template(self):
        for _, name, _ in self._parts:
            if name and name not in (*self._paths, *RESERVED_TEXT, *RESERVED_JSON):
                raise TargetError(f"InputTemplate contains invalid placeholder {name}")
        if not self._is_json:
            lines = [line.strip() for line in self._template.splitlines()]
            if any(not re.fullmatch(r'"([^"\\]|\\.)*"', line) for line in lines):
                raise TargetError("Invalid InputTemplate: neither JSON nor text in quotes")
            return
        marked = "".join(text + ("" if not name else MARK if inside else f'"{MARK}"')
                         for text, name, inside in self._parts)
        try:
            json.loads(marked, object_pairs_hook=_refuse_marked_keys)
        except ValueError as error:
            raise TargetError(f"Invalid InputTemplate: {error}") from error

    def apply(self, event, rule):
        """The text that the target gets; raises Undelivered."""
        known = {**{name: _find(path, event) for name, path in self._paths.items()},
                 **rule.variables(event)}
        made = "".join(text + ("" if not name else self._put(known[name], inside))
                       for text, name, inside in self._parts)
        if self._is_json:
            try:
                raw_json.read(made)
            except ValueError as error:
                raise Undelivered(f"not JSON, {error}: {made}") from error
        return made

    def _put(self, value, inside):
        if value is MISSING or value is None:
            return "" if inside else '""'
        if isinstance(value, str) and not isinstance(value, Number):
            return value if inside else f'"{value}"'
        made = raw_json.write(value)
        return made if self._is_json else made.replace('"', "")
