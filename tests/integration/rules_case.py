"""What the tests of rules share: events as of a rule's own pipeline, and what is asserted of it."""

import glob
import json
import os
import re
import unittest
import uuid

import case  # for the path to the laboratory  pylint: disable=unused-import

# pylint: disable=wrong-import-order
import raw_json
from deployment import Deployment

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
# What the files of events say, and what of a rule stands for it.
MEANT = {"orders-prod": "pipeline", "Prod": "stage", "210987654321": "account",
         "eu-west-3": "region"}
EXECUTION = "5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18"
# What the program cannot say itself: it never started, was killed or another one, or did not reach
# the topic.
WORTH_TELLING = {None, 2, 4, 8, 10, 126, 127, 128, 137, 139, 255}
EXIT_CODES = sorted(WORTH_TELLING - {None}) + [0, 1, 3, 5, 6, 7, 9]
# Contract, section 3: the variables that a rule passes, and where in the event they stand.
FIELDS = {"DETAIL_TYPE": ("detail-type",), "SOURCE": ("source",), "ID": ("id",), "TIME": ("time",),
          "ACCOUNT": ("account",), "REGION": ("region",), "PIPELINE": ("detail", "pipeline"),
          "EXECUTION_ID": ("detail", "execution-id"), "STATE": ("detail", "state"),
          "ATTEMPT": ("detail", "pipeline-execution-attempt"), "VERSION": ("detail", "version"),
          "STAGE": ("detail", "stage")}


def deployments():
    """What the tests' own templates set up, and what those of the kit do, if there are any."""
    folders = (f"{HERE}/rules", f"{REPOSITORY}/config/cloudformation")
    return [Deployment(paths) for folder in folders
            if (paths := sorted(glob.glob(f"{folder}/*.json")))]


def every(what):
    """All "starts", "forwards", "schedules" or "watches" there are."""
    return [item for deployment in deployments() for item in getattr(deployment, what)]


def readme_transformer():
    """The InputTransformer that README shows."""
    with open(f"{REPOSITORY}/README.md", encoding="utf-8") as stream:
        return json.loads(re.search(r'```json\n(\{"InputPathsMap".*?)```', stream.read(), re.S)[1])


class Sample:
    """An event of the folder, as it would come from the pipeline that a rule is about."""

    def __init__(self, name, told, event):
        self.name = name
        self.starts = told["starts"]
        self.program = told["program"]
        self.event = event

    def again(self):
        """The same event, emitted once more: another id."""
        return {**self.event, "id": str(uuid.uuid4())}

    def due(self, start):
        """Whether it is what the rule waits for."""
        return self.starts == start.kind


def samples(start, *names):
    """The events of these files, or of all, for a rule."""
    paths = [f"{HERE}/events/{name}.json" for name in names] or glob.glob(f"{HERE}/events/*.json")
    return [sample for path in sorted(paths) for sample in _read(path, start)]


def _read(path, start):
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    text = re.sub("|".join(MEANT), lambda match: start.of(MEANT[match[0]]) or match[0],
                  text.replace(EXECUTION, str(uuid.uuid4())))
    told = raw_json.read(text)
    name = os.path.basename(path).removesuffix(".json")
    variations = [(key, value) for key, values in told.get("each", {}).items() for value in values]
    for key, value in variations or [(None, None)]:
        event = json_copy(told["event"])
        if key:
            place = event if key in event else event["detail"]
            place[key] = value
            event["id"] = str(uuid.uuid4())
        yield Sample(f"{name} {value or ''}".strip(), told, event)


def json_copy(value):
    """A copy of a value of raw_json."""
    return raw_json.read(raw_json.write(value))


def expected_variables(event, stage):
    """What the container has to be told of an event."""
    found = {}
    for name, path in FIELDS.items():
        value = event
        for step in path:
            value = value.get(step, {})
        if name != "STAGE" or stage:
            found[f"POSTLUDE_EVENT_{name}"] = str(value) if value != {} else ""
    return found


class RulesCase(unittest.TestCase):
    """Assertions about rules, which name what they are about."""

    maxDiff = None

    def check_matches(self, start):
        """A rule fires for what it waits for, and for nothing else."""
        for name in ("pipeline", "account", "region") + (("stage",) * (start.kind == "stage")):
            self.assertTrue(start.of(name), f"{start.name} is about any {name}")
        for sample in samples(start):
            self.assertIs(start.matches(sample.event), sample.due(start),
                          f"{start.name}: {sample.name}")

    def check_variables(self, start):
        """The container is told what the event says, and nothing that others can write into it."""
        for sample in samples(start):
            self.assertEqual(start.passed(sample.event),
                             expected_variables(sample.event, start.kind == "stage"),
                             f"{start.name}: {sample.name}")
            variables, command = start.started(sample.event)
            self.assertLessEqual(start.passed(sample.event).items(), variables.items())
            self.assertIn(command, (None, ["run"]), start.name)

    def task_event(self, watch, *containers, **detail):
        """"ECS Task State Change" of the task that a watch is about: containers as (name, exit code
        or None)."""
        with open(f"{HERE}/events/task/stopped.json", encoding="utf-8") as stream:
            event = json.load(stream)
        event["detail"]["clusterArn"] = watch.of("clusterArn") or event["detail"]["clusterArn"]
        task = next(arn for arn in watch.definitions if is_about(watch, arn))
        event["detail"]["taskDefinitionArn"] = task
        event["detail"]["group"] = "family:" + task.rsplit("/", 1)[-1].rsplit(":", 1)[0]
        (model,) = event["detail"]["containers"]
        event["detail"]["containers"] = [
            {**model, "name": name, "containerArn": f"{model['containerArn']}-{name}",
             **({} if code is None else {"exitCode": code})} for name, code in containers]
        event["detail"] |= detail
        return json_copy(event)

    def check_told(self, watch):
        """It tells of these exit codes and no others, and of this task alone."""
        for code in EXIT_CODES:
            event = self.task_event(watch, ("postlude", code))
            self.assertIs(watch.matches(event), code in WORTH_TELLING, f"{watch.name}: {code}")
        never = self.task_event(watch, ("postlude", None), stopCode="TaskFailedToStart")
        self.assertTrue(watch.matches(never), f"{watch.name}: never started")
        gone = self.task_event(watch, ("postlude", None))
        self.assertTrue(watch.matches(gone), f"{watch.name}: no exit code")
        for status in ("PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING"):
            event = self.task_event(watch, ("postlude", None), lastStatus=status)
            self.assertFalse(watch.matches(event), f"{watch.name}: {status}")
        other = json_copy(gone)
        other["detail"]["taskDefinitionArn"] = (
            "arn:aws:ecs:eu-west-3:210987654321:task-definition/web:7")
        other["detail"]["group"] = "service:web"
        self.assertFalse(watch.matches(other), f"{watch.name}: another task")

    def check_sidecar(self, watch):
        """A container that somebody puts beside ours changes nothing."""
        for theirs in (None, 0, 2, 137):
            for ours in (None, *EXIT_CODES):
                event = self.task_event(watch, ("aws-guardduty-agent", theirs), ("postlude", ours))
                self.assertIs(watch.matches(event), ours in WORTH_TELLING,
                              f"{watch.name}: {ours} beside {theirs}")

    def check_message(self, watch):
        """The topic gets JSON that names the task, its exit code, and why it stopped, or in a chat,
        where all is text, how to ask."""
        for code in [None, *sorted(WORTH_TELLING - {None})]:
            event = self.task_event(watch, ("postlude", code))
            message = watch.text(event)
            chat = json.loads(message).get("source") == "custom"
            said = json.dumps(json.loads(message))
            why = "aws ecs describe-tasks" if chat else "executable file not found"
            for words in (event["detail"]["taskArn"], why, str(code or "")):
                self.assertIn(words, said, watch.name)
            # The overrides may hold the URL by which a stack is answered.
            self.assertNotIn("POSTLUDE_EVENT", said, watch.name)


def is_about(watch, task):
    """Whether a watch names this task definition: by ARN, with or without revision, or family."""
    family = task.rsplit("/", 1)[-1].rsplit(":", 1)[0]
    asked = json.dumps(watch.pattern["detail"])
    return any(words in asked for words in (task, task.rsplit(":", 1)[0] + ":",
                                            f'"family:{family}"'))
