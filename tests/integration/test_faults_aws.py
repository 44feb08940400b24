"""One exchange with AWS fails, each in turn: all of them are tried again, and the run is none the
worse for it."""

import uuid

from test_faults import PATH, Sweep, main, setUpModule  # noqa: F401
from truth import CREATE_EFFECTS, effect

FILES = {
    "0001_effects.sql": effect("0001_effects", CREATE_EFFECTS),
    "0002_plain.sql": effect("0002_plain"),
}


class Aws(Sweep):
    """Task metadata, credentials, CodePipeline, Secrets Manager, PostgreSQL, SNS."""

    only = "curl_"

    def setUp(self):
        aws = self.lab.aws
        self.secret = aws.put_secret("orders/migrator", {
            "username": "migrator", "password": self.lab.passwords["migrator"]})

    def environment(self):
        return {**PATH, **self.lab.aws.metadata_environment()}

    def plan(self, files, db, **changes):
        database = {**changes.pop("database", {}), "user": None, "password": None,
                    "secret": self.secret}
        return super().plan(files, db, database=database, trigger={
            "pipelines": ["*"], "verify": True}, **changes)

    def event(self):
        execution = str(uuid.uuid4())
        pipeline = f"orders-{execution[:8]}"  # its newest execution, however many run at once
        self.lab.aws.put_execution(pipeline, execution)
        return self.lab.event(pipeline=pipeline, execution_id=execution)

    def survived(self, run):
        self.assertEqual((run.code, run.report["outcome"]), (0, "applied"), run)
        # A message whose receipt was lost is sent once more.
        self.assertIn(len(self.published(run.report["run_id"])), (1, 2), run)

    def test_a_run_that_applies(self):
        self.sweep(FILES, FILES, (24, 0), first="curl_multi_perform")


if __name__ == "__main__":
    main()
