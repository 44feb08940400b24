"""A task of the ECS stand-in: the real program as its container, and how AWS describes it."""

import json
import threading
import uuid
from datetime import datetime, timezone

from task_override import overridden

FORMS = "%Y-%m-%dT%H:%M:%S.%f"
NEVER = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to " \
        "resolve ref {}: not found"


def moment():
    """Now, as the events of ECS write it."""
    return datetime.now(timezone.utc).strftime(FORMS)[:-3] + "Z"


class Definition:
    """A revision of a task definition. containers: name -> image, environment, command; the first
    is postlude's, the others have nothing to do and end with it."""

    def __init__(self, arn, containers):
        self.arn = arn
        self.containers = containers
        self.active = True

    @property
    def family(self):
        """Its name without the revision."""
        return self.arn.rpartition("/")[2].partition(":")[0]

    def roles(self, account):
        """The roles that who starts it has to be allowed to pass."""
        return [f"arn:aws:iam::{account}:role/{self.family}-{kind}"
                for kind in ("task", "execution")]


class Task:
    """One task. `begin` starts it; `wait` gives the Run it came to, None when it never started."""

    def __init__(self, arn, cluster, definition, overrides, started_by):
        # pylint: disable=too-many-arguments
        self.arn = arn
        self.cluster = cluster
        self.definition = definition
        self.overrides = overrides
        self.started_by = started_by
        self.process = None
        self.code = None
        self.status = "PROVISIONING"
        self.stop_code = None
        self.reasons = (None, None)  # the task's, the container's
        self._created = moment()
        self._run = None
        self._failure = None
        self._thread = None
        self._begun = threading.Event()

    def begin(self, lab):
        """Starts the program. The thread that does has to live as long: the kernel ends a child of
        the laboratory with the thread that it came from."""
        self._thread = threading.Thread(target=self._live, args=(lab,), daemon=True)
        self._thread.start()
        self._begun.wait()

    def never(self):
        """It stops before it has begun."""
        image = next(iter(self.definition.containers.values())).get("image", "postlude")
        reason = NEVER.format(image)
        self._stop("TaskFailedToStart", reason, reason)

    def variables(self):
        """Those of the container: the task definition's, and the overrides'."""
        return self._started_with()[0]

    def command(self):
        """The arguments of the container's program."""
        return self._started_with()[1]

    def _started_with(self):
        name, container = next(iter(self.definition.containers.items()))
        return overridden(self.overrides, name, container.get("environment", {}),
                          container.get("command", []))

    def _overrides_of(self, name):
        return [one for one in self.overrides.get("containerOverrides", [])
                if one.get("name") == name]

    def _live(self, lab):
        try:
            self.process = lab.start_run(*self.command(), env={
                **lab.aws.metadata_environment(), **self.variables()})
            self.status = "RUNNING"
            self._begun.set()
            self._run = lab.finish(self.process)
        except BaseException as failure:  # pylint: disable=broad-exception-caught
            self._failure = failure  # wait() raises it
        finally:
            self._begun.set()
        if self.process is not None:
            code = self.process.poll()
            self.code = code if code is None or code >= 0 else 128 - code
        self._stop("EssentialContainerExited", "Essential container in task exited",
                   self.reasons[1])

    def _stop(self, code, task_reason, container_reason):
        self.stop_code, self.reasons = code, (task_reason, container_reason)
        self.status = "STOPPED"

    def kill(self, reason=None):
        """SIGKILL, as for lack of memory."""
        self.reasons = (None, reason)
        self.process.kill()

    def wait(self):
        """What it came to; raises what went wrong."""
        if self._thread:
            self._thread.join()
        if self._failure:
            raise self._failure
        return self._run

    def describe(self):
        """As DescribeTasks shows it; an event has moments as text, as these are."""
        found = {
            "attachments": [], "availabilityZone": "eu-west-3a", "clusterArn": self.cluster,
            "connectivity": "CONNECTED", "containers": [
                self._container(name, container)
                for name, container in self.definition.containers.items()],
            "cpu": "256", "memory": "512", "createdAt": self._created,
            "desiredStatus": "STOPPED" if self.status == "STOPPED" else "RUNNING",
            "enableExecuteCommand": False, "ephemeralStorage": {"sizeInGiB": 20},
            "group": f"family:{self.definition.family}", "lastStatus": self.status,
            "launchType": "FARGATE", "overrides": {"containerOverrides": [
                {"name": name, **(self._overrides_of(name) or [{}])[0]}
                for name in self.definition.containers]},
            "platformVersion": "1.4.0", "startedBy": self.started_by, "stopCode": self.stop_code,
            "stoppedReason": self.reasons[0], "taskArn": self.arn,
            "taskDefinitionArn": self.definition.arn, "version": 5}
        if self.status == "STOPPED":
            found["stoppedAt"] = found["stoppingAt"] = moment()
        return {key: value for key, value in found.items() if value is not None}

    def _container(self, name, container):
        first = name == next(iter(self.definition.containers))
        found = {
            "containerArn": self.arn.replace(":task/", ":container/") + f"/{uuid.uuid4()}",
            "taskArn": self.arn, "name": name, "image": container.get("image", "postlude"),
            "lastStatus": self.status, "networkInterfaces": [], "cpu": "0"}
        if self.reasons[1] and first:
            found["reason"] = self.reasons[1]
        if self.code is not None and self.status == "STOPPED":
            found["exitCode"] = self.code if first else 0
            found["runtimeId"] = f"{self.arn.rpartition('/')[2]}-{0 if first else 1}"
        return found

    def event(self):
        """The event "ECS Task State Change" of how it is now."""
        _, _, _, region, account, _ = self.arn.split(":", 5)
        return json.loads(json.dumps({
            "version": "0", "id": str(uuid.uuid4()), "detail-type": "ECS Task State Change",
            "source": "aws.ecs", "account": account, "time": moment()[:-5] + "Z",
            "region": region, "resources": [self.arn],
            "detail": {**self.describe(), "updatedAt": moment()}}))
