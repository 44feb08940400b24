"""Starts postlude for a custom resource, and answers CloudFormation where the task cannot.

The request goes to an ECS task as POSTLUDE_EVENT, and postlude answers it. This function answers a
Delete, a task that cannot be started, and, when EventBridge says that a task has stopped, each that
did not end with 0: it may have been unable to. CloudFormation takes the first answer only.

Variables: RUN_TASK, parameters of RunTask as JSON; CONTAINER, the container that runs postlude;
TIMEOUT, the seconds a stack waits when its request does not name them (ServiceTimeout).
"""

import http.client
import json
import os
import re
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError as NoConnection, HTTPClientError

ECS = boto3.client("ecs", config=Config(connect_timeout=3, read_timeout=10,
                                        retries={"mode": "standard", "total_max_attempts": 2}))
# https to S3, as postlude itself wants it, or this machine.
URL = re.compile(
    r"(?:(https)://((?:[a-z0-9-]+\.)*s3(?:-external-1|-fips)?(?:\.dualstack)?"
    r"(?:[.-][a-z]{2,4}(?:-[a-z]+){1,2}-\d{1,2})?\.(?:amazonaws\.(?:com|com\.cn|eu)|c2s\.ic\.gov|"
    r"sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov))|http://(127\.0\.0\.1:\d+))"
    r"(/[!#-\[\]-~]*)")
STARTED_BY = "cloudformation/"
PASSED_ON = ("RequestType", "ResponseURL", "StackId", "RequestId", "LogicalResourceId",
             "PhysicalResourceId")
ATTRIBUTES = ("Outcome", "RunId", "Applied", "AlreadyApplied", "Pending")
BODY_MAX = 4096  # bytes, of an answer
NEW_ROLE = re.compile("AccessDenied|nable to assume")
NEW_ROLE_S = 60  # that long AWS may need until a role and its policies are known everywhere
ANSWER_MS = 60000  # kept for the answer, and for a call of ECS that is under way

# What is said, and what to do about it.
HINTS = (
    ("iam:PassRole", "Allow the function's role iam:PassRole on both roles of the task."),
    ("AccessDenied", "Allow the function's role ecs:RunTask on the task definition in this cluster,"
                     " and iam:PassRole on both roles of the task."),
    ("nable to assume", "Let ecs-tasks.amazonaws.com assume both roles of the task. A role that is"
                        " new needs a while to be known everywhere: deploy again."),
    ("at most 8192", "The request is too long for a task's overrides, even without its properties:"
                     " give the resource a shorter logical id."),
    ("is not a container", "The function's variable CONTAINER has to name the task definition's"
                           " container that runs postlude."),
    ("inactive", "Keep the task definition's revisions for as long as a stack can roll back to"
                 " them."),
    ("ClusterNotFound", "The function's variable RUN_TASK names a cluster that is not there."),
    ("apacity", "Deploy again, and give the task subnets in more availability zones."),
    ("RESOURCE:", "Deploy again when the cluster has room, or give it more."),
    ("CannotPull", "Look at the image's name, at the execution role's rights on the repository, and"
                   " for the way there: NAT, or the VPC endpoints ecr.api, ecr.dkr and S3's."),
    ("ResourceInit", "Look at the execution role's rights on secrets and log group, and for the way"
                     " there: NAT, or the VPC endpoints secretsmanager, ssm, logs, ecr.api."),
    ("OutOfMemory", "Give the task more memory."),
    ("exit code", "The task's log says more. When it says that the stack was not answered, the"
                  " task's subnet may lack a way to S3: NAT, or the gateway endpoint."),
)


def handler(event, context):
    """A request of CloudFormation, or the event of a task that has stopped."""
    if "detail" in event:
        stopped(event["detail"], context)
        return
    response_url(event)
    if event.get("RequestType") == "Delete":
        answer(event, context, "SUCCESS", "nothing to do")
        return
    try:
        reason = start(event, context)
    except Exception as error:  # pylint: disable=broad-exception-caught
        # Silence would keep the stack waiting for an hour.
        reason = f"the task was not started: {type(error).__name__}: {error}"
    if reason:
        answer(event, context, "FAILED", reason)


def start(request, context):
    """Runs the task; None when it is started, else why it is not."""
    properties = request.get("ResourceProperties", {})
    if not properties.get("TaskDefinition"):
        return "the resource has no property TaskDefinition, the ARN of a revision"
    event = {key: request[key] for key in PASSED_ON if key in request}
    timeout = properties.get("ServiceTimeout") or os.environ.get("TIMEOUT", "3600")
    event["ResourceProperties"] = {"ServiceTimeout": timeout}
    text = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    run = {
        **json.loads(os.environ["RUN_TASK"]),
        "taskDefinition": properties["TaskDefinition"],
        "clientToken": request["RequestId"],  # a request that comes twice starts one task
        "startedBy": (STARTED_BY + request["LogicalResourceId"])[:128],
        "overrides": {"containerOverrides": [{
            "name": os.environ["CONTAINER"],
            "environment": [{"name": "POSTLUDE_EVENT", "value": text}]}]},
    }
    # postlude ends a twelfth before the stack gives up; half of that is left for the task's start.
    patience = int(timeout) * 1000 // 24
    end = max(context.get_remaining_time_in_millis() - patience, ANSWER_MS)
    pause, waited = 2, 0
    while True:
        why, final = attempt(run)
        if why and NEW_ROLE.search(why):
            final = waited >= NEW_ROLE_S
        if why is None or final or context.get_remaining_time_in_millis() - pause * 1000 < end:
            return why and f"the task was not started: {why}"
        say(request, f"again in {pause} s: {why}")
        time.sleep(pause)
        waited += pause
        pause = min(2 * pause, 30)


def attempt(run):
    """One RunTask: (why it started no task or None, whether that is final)."""
    try:
        said = ECS.run_task(**run)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConflictException":  # the function was changed since it started the task
            print(f"{run['clientToken']}: started already")
            return None, True
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        busy = status >= 500 or status == 429 or re.search(
            "Throttl|Rate exceeded|RequestLimit|TooManyRequests|apacity", str(error))
        return str(error), not busy
    except (NoConnection, HTTPClientError) as error:
        return str(error), False
    if said["tasks"]:
        print(f"{run['clientToken']}: started {said['tasks'][0]['taskArn']}")
        return None, True
    reasons = [" ".join(filter(None, (one.get("reason"), one.get("detail"))))
               for one in said.get("failures", [])]
    return "; ".join(reasons) or "ECS names no reason", False


def stopped(task, context):
    """Answers for a task that ended otherwise than with 0."""
    name = os.environ["CONTAINER"]
    containers = [one for one in task.get("containers", []) if one.get("name") == name]
    code = containers[0].get("exitCode") if containers else None
    if (task.get("lastStatus") != "STOPPED" or code == 0
            or not task.get("startedBy", "").startswith(STARTED_BY)):
        return
    request = request_of(task, name)
    if request is None:
        print(f"{task['taskArn']}: no request to answer")
        return
    how = "never started" if code is None else f"ended with exit code {code}"
    reasons = [one.get("reason") for one in containers] + [task.get("stoppedReason")]
    said = "; ".join(dict.fromkeys(filter(None, reasons)))
    reason = f"the container {name} of {task['taskArn']} {how}: {said}"
    # 8: the database is as the plan says, and a report or the answer is missing.
    answer(request, context, "SUCCESS" if code == 8 else "FAILED", reason)


def request_of(task, name):
    """The request that a task was started for, or None."""
    found = ECS.describe_tasks(cluster=task["clusterArn"], tasks=[task["taskArn"]])["tasks"]
    variables = [variable for one in found for override in one["overrides"]["containerOverrides"]
                 if override.get("name") == name for variable in override.get("environment", [])]
    for variable in variables:
        if variable["name"] == "POSTLUDE_EVENT":
            return json.loads(variable["value"])
    return None


def answer(request, context, status, reason):
    """Sends CloudFormation an answer; raises when it does not arrive."""
    url = response_url(request)
    hints = [hint for word, hint in HINTS if word in reason and status == "FAILED"]
    reason = ". ".join([reason.replace(url[0], "ResponseURL").rstrip("."), *hints[:1]])
    say(request, f"answering {status}: {reason}")
    body = render(request, status, reason)
    for pause in (1, 2, 4, 8, 16, 0):
        said = put(url, body)
        if said in (200, 204):
            return
        say(request, f"not answered: {said}")
        if context.get_remaining_time_in_millis() < pause * 1000 + 15000:
            break
        time.sleep(pause)
    raise RuntimeError(f"not answered: {said}")


def response_url(request):
    """Where the answer goes, in parts; raises when that is nowhere to go."""
    url = URL.fullmatch(str(request.get("ResponseURL")))
    if not url:
        raise ValueError("the request's ResponseURL is not https to S3: nothing is done")
    return url


def say(request, text):
    """Logs a line about a request, without its URL, which is a credential."""
    print(f"{request.get('RequestId')}: {text.replace(request['ResponseURL'], 'ResponseURL')}")


def render(request, status, reason):
    """The answer; its Reason is cut to what there is room for."""
    body = {key: request.get(key, "") for key in ("StackId", "RequestId", "LogicalResourceId")}
    body.update(Status=status, PhysicalResourceId=request.get("PhysicalResourceId") or "postlude",
                Data=dict.fromkeys(ATTRIBUTES, ""))
    while True:
        data = json.dumps({**body, "Reason": reason}, ensure_ascii=False).encode()
        if len(data) <= BODY_MAX or not reason:
            return data
        reason = reason[:len(reason) - max(1, (len(data) - BODY_MAX) // 4)]


def put(url, body):
    """One PUT, without a Content-Type and without following redirects; what was said."""
    kind = http.client.HTTPSConnection if url[1] else http.client.HTTPConnection
    connection = kind(url[2] or url[3], timeout=10)
    try:
        connection.request("PUT", url[4], body)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
