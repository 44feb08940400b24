"""ECS, as far as tasks are started and looked at. The program that a task runs is the real one."""

import os
import re
import uuid
from datetime import datetime, timezone

from botocore.session import Session
from botocore.validate import ParamValidator

import aws_faults
from aws_json import JsonService
from aws_signature import Refusal
from ecs_task import FORMS, Definition, Task
from task_override import OverrideError, check_length, check_names

CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different " \
           "availability zone"
# What botocore of Debian 12 does not know of ECS yet.
MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")


def session():
    """A session of botocore that knows what newer ones know of ECS."""
    found = Session()
    found.set_config_variable("data_path", MODELS)
    return found


def _invalid(message):
    return Refusal(400, "InvalidParameterException", message)


class Ecs(JsonService):
    """A cluster `ops` on Fargate, task definitions, and tasks, the newest last."""

    name = "ecs"
    prefix = "AmazonEC2ContainerServiceV20141113"
    faults = aws_faults.ECS
    actions = {"RunTask": "run_task", "DescribeTasks": "describe_tasks"}

    def __init__(self, aws):
        super().__init__(aws)
        self.lab = None  # where the program runs; with none no task can be started
        self.tasks = []
        self._definitions = {}
        self._tokens = {}  # -> (request, tasks)
        self._failures = []
        self._unpullable = 0
        self._model = None

    # Switches ----------------------------------------------------------------------------------

    @property
    def cluster(self):
        """The cluster's ARN."""
        return f"arn:aws:ecs:{self.aws.region}:{self.aws.account}:cluster/ops"

    def register(self, family, containers):
        """A revision more of a task definition; its ARN. containers: see Definition."""
        revision = 1 + sum(one.family == family for one in self._definitions.values())
        arn = (f"arn:aws:ecs:{self.aws.region}:{self.aws.account}:task-definition/"
               f"{family}:{revision}")
        self._definitions[arn] = Definition(arn, containers)
        return arn

    def deregister(self, arn):
        """Makes a revision inactive."""
        self._definitions[arn].active = False

    def refuse(self, times=1, reason=CAPACITY, detail=None):
        """The next calls of RunTask start nothing, and say so among their failures."""
        self._failures += [{key: value for key, value in
                            (("reason", reason), ("detail", detail)) if value}] * times

    def lose_image(self, times=1):
        """The next tasks never start, since their image cannot be pulled."""
        self._unpullable += times

    def forget(self):
        """No failure is still to come; tasks stay."""
        self._failures, self._unpullable = [], 0

    def start(self, definition, overrides, started_by):
        """Starts a task, as EventBridge and Scheduler do; the Task."""
        task = Task(f"arn:aws:ecs:{self.aws.region}:{self.aws.account}:task/ops/"
                    f"{uuid.uuid4().hex}", self.cluster, self._definitions[definition], overrides,
                    started_by)
        self.tasks.append(task)
        if self._unpullable:
            self._unpullable -= 1
            task.never()
        else:
            task.begin(self.lab)
        return task

    # Operations ----------------------------------------------------------------------------------

    def _check(self, action, values):
        if self._model is None:
            self._model = session().get_service_model("ecs")
        shape = self._model.operation_model(action).input_shape
        report = ParamValidator().validate(values, shape)
        if report.has_errors():
            raise _invalid(report.generate_report())

    def _check_cluster(self, values):
        if values.get("cluster", "default") not in ("ops", self.cluster):
            raise Refusal(400, "ClusterNotFoundException", "Cluster not found.")

    def run_task(self, call, values):
        """RunTask"""
        self._check("RunTask", values)
        definition = self._definitions.get(values["taskDefinition"])
        self.allow(call, values["taskDefinition"])
        self._check_cluster(values)
        if definition is None:
            raise Refusal(400, "ClientException", "Unable to describe task definition.")
        for role in definition.roles(self.aws.account):
            self.aws.allow_only(call.key, "iam:PassRole", role, "AccessDeniedException")
        if not definition.active:
            raise Refusal(400, "ClientException", "TaskDefinition is inactive")
        self._check_request(definition, values)
        token = values.get("clientToken")
        if token in self._tokens:
            return self._again(token, values)
        if self._failures:
            return {"tasks": [], "failures": [self._failures.pop(0)]}
        task = self.start(definition.arn, values.get("overrides", {}), values.get("startedBy"))
        self._tokens[token] = (values, [task])
        return {"tasks": [_shown(task)], "failures": []}

    @staticmethod
    def _check_request(definition, values):
        overrides = values.get("overrides", {})
        try:
            check_length(overrides)
            check_names(overrides, definition.containers)
        except OverrideError as error:
            raise _invalid(str(error)) from error
        if not re.fullmatch("[!-~]{1,64}", values.get("clientToken", "x")):
            raise _invalid("clientToken is not up to 64 ASCII characters in the range of 33-126.")
        if not re.fullmatch("[A-Za-z0-9/_-]{1,128}", values.get("startedBy", "x")):
            raise _invalid("Invalid length for started by or its characters.")
        if not values.get("networkConfiguration", {}).get("awsvpcConfiguration", {}).get("subnets"):
            raise _invalid("Network Configuration must be provided when networkMode 'awsvpc' is "
                           "specified.")
        if values.get("launchType") != "FARGATE" and not values.get("capacityProviderStrategy"):
            raise _invalid("No Container Instances were found in your cluster.")

    def _again(self, token, values):
        request, tasks = self._tokens[token]
        if request != values:
            raise Refusal(400, "ConflictException", "The provided clientToken is already in use "
                          f"with a different RunTask request: {[one.arn for one in tasks]}")
        return {"tasks": [_shown(task) for task in tasks], "failures": []}

    def describe_tasks(self, call, values):
        """DescribeTasks"""
        self._check("DescribeTasks", values)
        self._check_cluster(values)
        known = {task.arn: task for task in self.tasks}
        for arn in values["tasks"]:
            self.allow(call, arn)
        return {"tasks": [_shown(known[arn]) for arn in values["tasks"] if arn in known],
                "failures": [{"arn": arn, "reason": "MISSING"} for arn in values["tasks"]
                             if arn not in known]}


def _shown(task):
    """As the API shows a task: moments are numbers there."""
    def seconds(text):
        return datetime.strptime(text[:-1], FORMS).replace(tzinfo=timezone.utc).timestamp()

    return {key: seconds(value) if key.endswith("At") else value
            for key, value in task.describe().items()}
