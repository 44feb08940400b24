"""Events that are none of ours are ignored, malformed or foreign ones refused: no connection."""

import json

from case import ORDERS, LabCase, main, share_lab
from lab import Lab, Trap


def setUpModule():  # pylint: disable=invalid-name
    share_lab(Lab(pooler=False))


class Events(LabCase):
    """Each test ends with the proof that nobody came to the database's port."""

    def setUp(self):
        self.trap = Trap()
        self.addCleanup(self.trap.close)
        self.plan = self.lab.plan(ORDERS)

    def tearDown(self):
        self.assertEqual(self.trap.visitors(), 0, "the database was contacted")

    def run_event(self, event, plan=None, **how):
        return self.lab.run("run", plan=plan or self.plan, event=event, port=self.trap.port, **how)

    def ignored(self, event, **how):
        run = self.run_event(event, **how)
        report = self.ends(run, 0, "ignored")
        self.assertIsNone(report["error"])
        self.assertTrue(report["summary"])
        return report

    def refused(self, event, *words, **how):
        run = self.run_event(event, **how)
        report = self.ends(run, 3, "refused")
        said = report["error"]["message"] + " " + (report["error"]["hint"] or "")
        for word in words:
            self.assertIn(word.lower(), said.lower(), run)
        return report

    def test_other_states(self):
        for state in ("STARTED", "RESUMED", "STOPPING", "STOPPED", "FAILED", "CANCELED",
                      "SUPERSEDED"):
            with self.subTest(state):
                report = self.ignored(self.lab.event(state=state))
                self.assertIn(state, json.dumps(report))

    def test_other_kinds(self):
        action = {"detail-type": "CodePipeline Action Execution State Change",
                  "detail": {"stage": "Prod", "action": "Deploy",
                             "action-execution-id": "c0ffee00-9f42-4d1e-8a63-0c2f7d9e4b18",
                             "type": {"owner": "AWS", "provider": "ECS", "category": "Deploy",
                                      "version": "1"}}}
        for name, event in {
                "action": self.lab.event(**action),
                "CloudTrail": self.lab.event(**{"detail-type": "AWS API Call via CloudTrail"}),
                "another service": self.lab.event(**{
                    "source": "aws.ecs", "detail-type": "ECS Task State Change"}),
                "a failed stage": self.lab.event(state="FAILED", **{
                    "detail-type": "CodePipeline Stage Execution State Change",
                    "detail": {"stage": "Prod"}})}.items():
            with self.subTest(name):
                self.ignored(event)

    def test_a_stage_where_the_plan_lists_none_or_others(self):
        stage = {"detail-type": "CodePipeline Stage Execution State Change",
                 "detail": {"stage": "Build"}}
        for trigger in ({}, {"stages": ["Prod"]}):
            run = self.run_event(self.lab.event(**stage),
                                 plan=self.lab.plan(ORDERS, trigger=trigger))
            self.assertIn((run.code, run.report["outcome"]), ((0, "ignored"), (3, "refused")), run)

    def test_ignored_before_plan_and_variables_are_read(self):
        event = self.lab.event(state="STARTED")
        self.ignored(event, plan=f"{self.lab.folder}/nowhere.yaml")
        self.ignored(event, env={"DB_PASSWORD": None, "DB_HOST": None})

    def test_ignored_by_scalar_variables(self):
        self.ignored(None, env={"POSTLUDE_EVENT_SOURCE": "aws.codepipeline",
                                "POSTLUDE_EVENT_DETAIL_TYPE":
                                    "CodePipeline Pipeline Execution State Change",
                                "POSTLUDE_EVENT_STATE": "FAILED",
                                "POSTLUDE_EVENT_PIPELINE": "orders-prod",
                                "POSTLUDE_EVENT_EXECUTION_ID": "5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18"
                                })

    def test_not_json(self):
        self.refused("SUCCEEDED", "json")
        self.refused("{\"version\": \"0\", ", "ends in the middle")
        self.refused("[]")

    def test_quotes_stripped(self):
        self.refused(self.lab.event().replace('"', ""), "quotation marks")

    def test_placeholder_not_expanded(self):
        self.refused("<aws.events.event.json>", "<aws.events.event.json>")
        self.refused('"<aws.events.event.json>"', "<aws.events.event.json>")
        self.refused(self.lab.event(execution_id="<detail-execution-id>"), "<detail-execution-id>")

    def test_notification_form(self):
        event = json.loads(self.lab.event())
        event["detailType"] = event.pop("detail-type")
        event["notificationRuleArn"] = "arn:aws:codestar-notifications:eu-west-3:2:rule/x"
        self.refused(json.dumps(event), "notification rule")

    def test_missing_fields(self):
        for field in ("pipeline", "execution-id", "state"):
            with self.subTest(field):
                self.refused(self.lab.event(detail={field: None}), field)
        for field in ("source", "detail-type", "detail"):
            with self.subTest(field):
                event = json.loads(self.lab.event())
                del event[field]
                self.refused(json.dumps(event), field)

    def test_empty_variables(self):
        # What a rule's transformer gives for a path that the event does not have.
        self.refused("")
        self.refused(None, env={"POSTLUDE_EVENT_PIPELINE": "", "POSTLUDE_EVENT_STATE": ""})
        self.refused(None, "EXECUTION_ID", env={
            "POSTLUDE_EVENT_SOURCE": "aws.codepipeline", "POSTLUDE_EVENT_STATE": "SUCCEEDED",
            "POSTLUDE_EVENT_DETAIL_TYPE": "CodePipeline Pipeline Execution State Change",
            "POSTLUDE_EVENT_PIPELINE": "orders-prod", "POSTLUDE_EVENT_EXECUTION_ID": ""})

    def test_numbers_that_are_none(self):
        for attempt in (1.5, -1, "x", 1e30):
            with self.subTest(attempt):
                self.refused(self.lab.event(attempt=attempt), "attempt")

    def test_too_large_or_too_deep(self):
        path = f"{self.lab.folder}/large.json"
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(self.lab.event(detail={"padding": "x" * 256 * 1024}))
        self.ends(self.lab.run("run", "--event", path, plan=self.plan, port=self.trap.port),
                  3, "refused")
        nested = {}
        for _ in range(40):
            nested = {"deeper": nested}
        self.refused(self.lab.event(detail={"nested": nested}))

    def test_what_the_plan_does_not_admit(self):
        event = self.lab.event(pipeline="billing-prod")
        report = self.refused(event, "billing-prod")
        self.assertEqual(report["trigger"]["pipeline"], "billing-prod")
        for trigger, word in (({"accounts": ["111122223333"]}, "210987654321"),
                              ({"regions": ["us-east-1"]}, "eu-west-3")):
            with self.subTest(word):
                self.refused(self.lab.event(), word, plan=self.lab.plan(ORDERS, trigger=trigger))

    def test_age(self):
        plan = self.lab.plan(ORDERS, trigger={"max_age": "24h"})
        self.refused(self.lab.event(time="2020-03-14T09:26:53Z"), plan=plan)
        self.refused(self.lab.event(time=None), plan=plan)


if __name__ == "__main__":
    main()
