"""What CloudFormation templates would set up around the task: the rules that start it, those that
send events on to another bus, the schedules, and the watch.
"""

import json
import re

from cloudformation import Template
from event_pattern import EventPattern
from eventbridge import Rule, schedule_input, target_input
from task_override import container_of, read_override

CONTAINER = "postlude"
KINDS = {"CodePipeline Pipeline Execution State Change": "pipeline",
         "CodePipeline Stage Execution State Change": "stage"}


class Deployment:
    """The templates of these files, which may refer to each other's exports."""

    def __init__(self, paths):
        templates = [Template(_load(path)) for path in paths]
        exports = {}
        for template in templates:
            exports |= template.exported()
        self.definitions = {}
        self.starts, self.forwards, self.schedules, self.watches = [], [], [], []
        self.filters = []
        for template in templates:
            template.exports = exports
            for name, properties in template.of_type("AWS::ECS::TaskDefinition").items():
                self.definitions[template.arn(name)] = properties
        for path, template in zip(paths, templates):
            self._add(path, template)
        self.watches = _watches(self.watches)

    def _add(self, path, template):
        for name, properties in template.of_type("AWS::Events::Rule").items():
            about = {"definitions": self.definitions, "properties": properties,
                     "name": f"{name} of {path.rsplit('/', 1)[-1]}", "arn": template.arn(name)}
            for number, target in enumerate(properties.get("Targets", [])):
                kind = _kind(properties, target)
                if kind:
                    getattr(self, kind).append(Sending(number=number, **about))
        self.filters += [LogFilter(properties) for properties in
                         template.of_type("AWS::Logs::MetricFilter").values()]
        for name, properties in template.of_type("AWS::Scheduler::Schedule").items():
            if "EcsParameters" in properties["Target"]:
                self.schedules.append(Schedule(
                    definitions=self.definitions, properties=properties,
                    name=f"{name} of {path.rsplit('/', 1)[-1]}", arn=template.arn(name)))


def _load(path):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def _kind(properties, target):
    """What a rule's target is of, by what it is sent to."""
    sources = properties.get("EventPattern", {}).get("source", [])
    if "ScheduleExpression" in properties:
        raise ValueError("a rule with a schedule; EventBridge Scheduler is what is known here")
    if "EcsParameters" in target:
        return "starts"
    if ":event-bus/" in target["Arn"]:
        return "forwards"
    return "watches" if sources == ["aws.ecs"] and ":sns:" in target["Arn"] else None


def _definition(arn, definitions):
    """The task definition that an ARN names, with or without its revision."""
    for known, properties in definitions.items():
        if arn in (known, known.rsplit(":", 1)[0]):
            return properties
    raise ValueError(f"no template has the task definition {arn}")


class Sending:
    """A rule and one of its targets. Everything is worked out of `properties` anew each time."""

    def __init__(self, name, arn, properties, number, definitions):
        self.name = name
        self.arn = arn
        self.properties = properties
        self.number = number
        self.definitions = definitions

    def edited(self, edit):
        """The same rule with a copy of its properties edited."""
        properties = json.loads(json.dumps(self.properties))
        edit(properties)
        return Sending(self.name, self.arn, properties, self.number, self.definitions)

    @property
    def target(self):
        return self.properties["Targets"][self.number]

    @property
    def pattern(self):
        return self.properties.get("EventPattern", {})

    @property
    def bus(self):
        """The name of the bus it listens on."""
        return self.properties.get("EventBusName", "default").rsplit("/", 1)[-1]

    @property
    def sends_to(self):
        """The name of the bus that it sends events on to."""
        return self.target["Arn"].rsplit("/", 1)[-1]

    @property
    def task(self):
        """The task definition that it starts."""
        return self.target["EcsParameters"]["TaskDefinitionArn"]

    @property
    def kind(self):
        """What has to succeed: "pipeline" or "stage"."""
        asked = self.pattern.get("detail-type")
        known = [kind for detail_type, kind in KINDS.items() if asked == [detail_type]]
        if not known:
            raise ValueError(f"{self.name} waits for {asked}")
        return known[0]

    def of(self, name):
        """The one pipeline, stage, account or region that the rule is about; None for any."""
        values = {**self.pattern.get("detail", {}), **self.pattern}.get(name, [])
        return values[0] if len(values) == 1 and isinstance(values[0], str) else None

    def matches(self, event):
        """Whether the rule fires; raises PatternError."""
        return self.properties.get("State", "ENABLED") == "ENABLED" and EventPattern(
            json.dumps(self.pattern)).matches(event)

    def text(self, event):
        """What the target gets; raises TargetError, Undelivered."""
        return target_input(self.target, event, Rule(self.arn))

    def started(self, event):
        """(variables, command) of the container that it starts; raises OverrideError too."""
        containers = _definition(self.task, self.definitions)["ContainerDefinitions"]
        return container_of(read_override(self.text(event)), containers, CONTAINER)

    def passed(self, event):
        """The variables that it adds to those of the task definition."""
        return passed(self.text(event))


class Watch:
    """The rules that tell a topic of how a task ended: each of some ends, and no two of the same."""

    def __init__(self, rules):
        self.rules = rules
        self.name = ", ".join(rule.name for rule in rules)
        self.definitions = rules[0].definitions
        self.pattern = rules[0].pattern

    def _firing(self, event):
        firing = [rule for rule in self.rules if rule.matches(event)]
        if len(firing) > 1:
            raise ValueError("told more than once, by " + ", ".join(rule.name for rule in firing))
        return firing

    def of(self, name):
        """The value of the detail that the rules name, the same for all."""
        (value,) = {rule.of(name) for rule in self.rules}
        return value

    def matches(self, event):
        """Whether a rule fires; raises PatternError, and ValueError where two do."""
        return bool(self._firing(event))

    def text(self, event):
        """What the topic gets; raises TargetError, Undelivered."""
        (rule,) = self._firing(event)
        return rule.text(event)

    def edited(self, edit):
        """The same with the properties of each rule edited."""
        return Watch([rule.edited(edit) for rule in self.rules])


def _watches(rules):
    """The rules that tell one topic of one task, together."""
    told = {}
    for rule in rules:
        about = json.dumps(rule.pattern["detail"].get("taskDefinitionArn"))
        told.setdefault((rule.target["Arn"], about), []).append(rule)
    return [Watch(of_one) for of_one in told.values()]


class Schedule:
    """A schedule of EventBridge Scheduler."""

    def __init__(self, name, arn, properties, definitions):
        self.name = name
        self.arn = arn
        self.properties = properties
        self.definitions = definitions

    @property
    def task(self):
        """The task definition that it starts."""
        return self.properties["Target"]["EcsParameters"]["TaskDefinitionArn"]

    def text(self, time, execution_id, attempt=1):
        """What RunTask gets at a time."""
        return schedule_input(self.properties["Target"].get("Input", "{}"), self.arn, time,
                              execution_id, attempt)

    def started(self, text):
        """(variables, command) of the container that it starts."""
        containers = _definition(self.task, self.definitions)["ContainerDefinitions"]
        return container_of(read_override(text), containers, CONTAINER)


class LogFilter:
    """A metric filter of CloudWatch Logs, of JSON members that equal a text or a number."""

    def __init__(self, properties):
        self.pattern = properties["FilterPattern"]
        inside = re.fullmatch(r"\{ (.*) \}", self.pattern)
        terms = [re.fullmatch(r"\(\$\.(\w+) = (\"\w+\"|\d+)\)", term)
                 for term in (inside[1] if inside else "").split(" && ")]
        if None in terms:
            raise ValueError(f"not known here: {self.pattern}")
        self._wanted = {term[1]: json.loads(term[2]) for term in terms}

    def matches(self, line):
        """Whether a line of the log, read as JSON, counts."""
        return {name: line.get(name) for name in self._wanted} == self._wanted


def passed(text):
    """The variables in the overrides of the container; a name that comes twice is an error."""
    pairs = [(pair["name"], pair["value"])
             for item in read_override(text).get("containerOverrides", [])
             for pair in item.get("environment", [])]
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"a variable is passed twice: {text}")
    return dict(pairs)
