"""CodePipeline, as far as it is asked about executions."""

import base64

import aws_faults
from aws_json import JsonService, text_member
from aws_signature import Refusal

PIPELINE = r"[A-Za-z0-9.@\-_]{1,100}"
EXECUTION = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
STATUSES = ("Cancelled", "InProgress", "Stopped", "Stopping", "Succeeded", "Superseded", "Failed",
            "NotFound")  # the last: it is not known yet
TRIGGERS = {"STANDARD": {"triggerType": "WebhookV2", "triggerDetail": "arn:aws:codestar-connections:"
                         "eu-west-3:210987654321:connection/0c2f7d9e"},
            "ROLLBACK": {"triggerType": "ManualRollback", "triggerDetail": "arn:aws:sts::"
                         "210987654321:assumed-role/ops/somebody"}}


class Execution:
    """One execution; `statuses` are those that the next questions are answered with."""

    def __init__(self, pipeline, execution_id, started):
        self.pipeline = pipeline
        self.execution_id = execution_id
        self.started = started
        self.statuses = ["Succeeded"]
        self.version = 6
        self.kind = "STANDARD"
        self.revisions = ()
        self.stages = ()

    @property
    def status(self):
        """As it is now."""
        return self.statuses[0]

    def ask(self):
        """Its status, which is another one next time when there is another."""
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.status

    def _common(self, status):
        found = {"pipelineExecutionId": self.execution_id, "status": status,
                 "trigger": TRIGGERS[self.kind], "executionMode": "SUPERSEDED",
                 "executionType": self.kind}
        if self.kind == "ROLLBACK":
            found["rollbackMetadata"] = {
                "rollbackTargetPipelineExecutionId": "00000000-0000-4000-8000-000000000000"}
        return found

    def whole(self, status):
        """As GetPipelineExecution shows it."""
        revisions = [{"name": name, "revisionId": revision, "created": round(self.started - 7, 3),
                      "revisionSummary": '{"ProviderType":"GitHub","CommitMessage":"Say \\"hi\\""}',
                      "revisionUrl": f"https://example.com/commit/{revision}"}
                     for name, revision in self.revisions]
        return {"pipelineName": self.pipeline, "pipelineVersion": self.version,
                "artifactRevisions": revisions, "variables": [], **self._common(status)}

    def summary(self):
        """As ListPipelineExecutions does."""
        revisions = [{"actionName": name, "revisionId": revision,
                      "revisionSummary": "Say hi",
                      "revisionUrl": f"https://example.com/commit/{revision}"}
                     for name, revision in self.revisions]
        return {"startTime": round(self.started, 3), "sourceRevisions": revisions,
                "lastUpdateTime": round(self.started + 840.5, 3), **self._common(self.status)}


class CodePipeline(JsonService):
    """Pipelines, in their account and region, and their executions, oldest first."""

    name = "codepipeline"
    prefix = "CodePipeline_20150709"
    faults = aws_faults.CODEPIPELINE
    namespace = "com.amazonaws.codepipeline#"
    actions = {"GetPipelineExecution": "get_pipeline_execution",
               "ListPipelineExecutions": "list_pipeline_executions"}

    def __init__(self, aws):
        super().__init__(aws)
        self._pipelines = {}  # (account, region, name) -> executions

    def put(self, execution, statuses, region, account):
        """An execution more, the newest."""
        place = (account or self.aws.account, region or self.aws.region, execution.pipeline)
        self._pipelines.setdefault(place, []).append(execution)
        self.set_status(execution.execution_id, statuses)

    def set_status(self, execution_id, statuses):
        """What the next questions about an execution are answered with; the last one stays."""
        statuses = [statuses] if isinstance(statuses, str) else list(statuses)
        if not statuses or not set(statuses) <= set(STATUSES):
            raise ValueError(f"no such status: {statuses}")
        for executions in list(self._pipelines.values()):
            for execution in executions:
                if execution.execution_id == execution_id:
                    execution.statuses = statuses

    def forget(self):
        """No pipelines any more."""
        self._pipelines = {}

    def get_pipeline_execution(self, call, values):
        """GetPipelineExecution"""
        executions = self._executions(call, text_member(values, "pipelineName", PIPELINE))
        wanted = text_member(values, "pipelineExecutionId", EXECUTION)
        for execution in executions:
            if execution.execution_id == wanted:
                status = execution.ask()
                if status != "NotFound":
                    return {"pipelineExecution": execution.whole(status)}
        raise Refusal(400, "PipelineExecutionNotFoundException",
                      f"The pipeline execution with id '{wanted}' does not exist in pipeline "
                      f"'{values['pipelineName']}'.")

    def list_pipeline_executions(self, call, values):
        """ListPipelineExecutions, newest first."""
        executions = self._executions(call, text_member(values, "pipelineName", PIPELINE))
        size = values.get("maxResults", 100)
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 100:
            raise Refusal(400, "ValidationException",
                          f"1 validation error detected: Value '{size}' at 'maxResults' failed to "
                          "satisfy constraint: Member must have value less than or equal to 100")
        stage = values.get("filter", {}).get("succeededInStage", {}).get("stageName")
        found = [execution.summary() for execution in reversed(executions)
                 if execution.status != "NotFound" and (not stage or stage in execution.stages)]
        start = self._start(text_member(values, "nextToken", optional=True))
        answer = {"pipelineExecutionSummaries": found[start:start + size]}
        if len(found) > start + size:
            answer["nextToken"] = base64.b64encode(f"from {start + size}".encode()).decode()
        return answer

    @staticmethod
    def _start(token):
        if token is None:
            return 0
        try:
            return int(base64.b64decode(token).decode().removeprefix("from "))
        except ValueError:
            raise Refusal(400, "InvalidNextTokenException",
                          "The next token was specified in an invalid format.") from None

    def _executions(self, call, pipeline):
        account = call.key.account
        self.allow(call, f"arn:aws:codepipeline:{call.region}:{account}:{pipeline}")
        executions = self._pipelines.get((account, call.region, pipeline))
        if executions is None:
            raise Refusal(400, "PipelineNotFoundException", f"Account '{account}' does not have a "
                                                            f"pipeline with name '{pipeline}'")
        return executions
