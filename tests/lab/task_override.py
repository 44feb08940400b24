"""The TaskOverride that RunTask is given, and what the container gets of it.

EventBridge and Scheduler pass a target's input to RunTask when it has this shape.
"""

import json

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

LENGTH_MAX = 8192  # of all overrides of a RunTask, punctuation included


class OverrideError(ValueError):
    """RunTask refuses the overrides."""


def _shape():
    return ServiceModel(Loader().load_service_model("ecs", "service-2")).shape_for("TaskOverride")


SHAPE = _shape()


def read_override(text):
    """A TaskOverride of its JSON text; raises OverrideError."""
    try:
        override = json.loads(text)
    except ValueError as error:
        raise OverrideError(f"the overrides are no JSON: {error}") from error
    problems = ParamValidator().validate(override, SHAPE)
    if problems.has_errors():
        raise OverrideError(problems.generate_report())
    check_length(override)
    return override


def check_length(override):
    """Raises OverrideError where it is longer than RunTask takes it."""
    length = len(json.dumps(override, separators=(",", ":"), ensure_ascii=False))
    if length > LENGTH_MAX:
        raise OverrideError(f"Container Overrides length must be at most {LENGTH_MAX}, "
                            f"and is {length}")


def check_names(override, known):
    """Raises OverrideError where it is for a container that is not among those known."""
    for item in override.get("containerOverrides", []):
        if item.get("name") not in known:
            raise OverrideError(f"Override for container named {item.get('name')} is not a "
                                "container in the TaskDefinition.")


def overridden(override, name, environment, command):
    """(variables, command) of a container that has these by its definition."""
    for item in override.get("containerOverrides", []):
        if item.get("name") == name:
            environment = environment | {pair["name"]: pair["value"]
                                         for pair in item.get("environment", [])}
            command = item.get("command", command)
    return environment, command


def container_of(override, definitions, name):
    """What a container is started with: (variables, command or None). `definitions` are the task
    definition's, as CloudFormation writes them; raises OverrideError."""
    known = {item["Name"]: item for item in definitions}
    environment = {item["Name"]: item["Value"] for item in known[name].get("Environment", [])}
    check_names(override, known)
    return overridden(override, name, environment, known[name].get("Command"))
