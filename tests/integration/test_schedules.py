"""Catch-up by schedule: once for each scheduled time, however often it is delivered."""

import json
import uuid
from datetime import datetime, timedelta, timezone

from case import ORDERS, ORDER_IDS, LabCase, main, setUpModule  # noqa: F401  pylint: disable=unused-import

NIGHTLY = "arn:aws:scheduler:eu-west-3:210987654321:schedule/default/nightly"
RULE = "arn:aws:events:eu-west-3:210987654321:rule/nightly"


def stamp(**ago):
    """A time so long ago, as AWS writes it."""
    return f"{datetime.now(timezone.utc) - timedelta(**ago):%Y-%m-%dT%H:%M:%SZ}"


def scheduler(time, arn=NIGHTLY):
    """The variables that a schedule of EventBridge Scheduler fills in."""
    return {"POSTLUDE_SCHEDULE_ARN": arn, "POSTLUDE_SCHEDULED_TIME": time}


def rule(time, arn=RULE):
    """The event of a rule with a schedule; its id differs from delivery to delivery."""
    return json.dumps({
        "version": "0", "id": str(uuid.uuid4()), "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "210987654321", "time": time, "region": "eu-west-3",
        "detail": {}, "resources": [arn]})


class Schedules(LabCase):
    """What a second delivery does, and what is none."""

    def test_a_second_delivery_changes_nothing(self):
        for how in ({"env": scheduler("2026-03-14T09:00:00Z")},
                    {"event": rule("2026-03-14T09:00:00Z")}):
            with self.subTest(list(how)):
                db = self.lab.database()
                plan = self.lab.plan(ORDERS, db)
                first = self.applies(ORDER_IDS, plan=plan, **how)
                before = self.lab.fingerprint(db)
                report = self.ends(self.lab.run("run", plan=plan, **how), 0, "duplicate")
                self.assertEqual(report["applied"], [])
                self.assertIn(first["run_id"], report["note"])
                self.assertIn("schedule", report["summary"])
                self.assertEqual(self.lab.fingerprint(db), before)

    def test_one_moment_in_several_spellings(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        self.applies(ORDER_IDS, plan=plan, env=scheduler("2026-03-14T09:00:00Z"))
        for time in ("2026-03-14T09:00:00.000Z", "2026-03-14T10:00:00+01:00",
                     "2026-03-14t09:00:00z"):
            with self.subTest(time):
                run = self.lab.run("run", plan=plan, env=scheduler(time))
                report = self.ends(run, 0, "duplicate")
                self.assertEqual(report["trigger"]["scheduled_time"], "2026-03-14T09:00:00Z")
        self.assertEqual(self.lab.runs(db)[0]["scheduled_time"], "2026-03-14T09:00:00Z")

    def test_a_rule_s_event_as_variables_is_the_same_delivery(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        self.applies(ORDER_IDS, plan=plan, event=rule("2026-03-14T09:00:00Z"))
        self.ends(self.lab.run("run", plan=plan, env={
            "POSTLUDE_EVENT_DETAIL_TYPE": "Scheduled Event", "POSTLUDE_EVENT_SOURCE": "aws.events",
            "POSTLUDE_EVENT_ID": str(uuid.uuid4()),
            "POSTLUDE_EVENT_TIME": "2026-03-14T09:00:00Z", "POSTLUDE_SCHEDULE_ARN": RULE}),
            0, "duplicate")

    def test_what_makes_a_delivery_another_one(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        recently = stamp(minutes=10)
        self.applies(ORDER_IDS, plan=plan, env=scheduler(recently))
        for name, how in {
                "another time": {"env": scheduler(stamp(minutes=9))},
                "another schedule": {"env": scheduler(recently, NIGHTLY + "-2")},
                "a rule": {"event": rule(recently)},
                "a pipeline": {"event": self.lab.event(time=recently)},
                "a person": {}}.items():
            with self.subTest(name):
                self.ends(self.lab.run("run", plan=plan, **how), 0, "nothing")
        self.ends(self.lab.run("run", plan=plan, env=scheduler(recently)), 0, "duplicate")
        other = self.lab.plan({"0001_a.sql": "create table a (id int);"}, db, plan="other")
        self.applies(["0001_a"], plan=other, env=scheduler(recently))

    def test_without_a_name_or_a_time_there_is_nothing_to_know_it_by(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        self.applies(ORDER_IDS, plan=plan, env={"POSTLUDE_SCHEDULE_ARN": NIGHTLY})
        for env in ({"POSTLUDE_SCHEDULE_ARN": NIGHTLY},
                    {"POSTLUDE_SCHEDULED_TIME": "2026-03-14T09:00:00Z"},
                    {"POSTLUDE_SCHEDULED_TIME": "2026-03-14T09:00:00Z"}):
            self.ends(self.lab.run("run", plan=plan, env=env), 0, "nothing")

    def test_times_that_are_far_away(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        self.applies(ORDER_IDS, plan=plan, env=scheduler("9999-12-31T23:59:59Z"))
        self.ends(self.lab.run("run", plan=plan, env=scheduler("9999-12-31T23:59:59Z")), 0,
                  "duplicate")
        self.ends(self.lab.run("run", plan=plan, env=scheduler("0001-01-01T00:00:00Z")), 0,
                  "nothing")
        self.ends(self.lab.run("run", plan=plan, env=scheduler("0001-01-01T00:00:00Z")), 0,
                  "duplicate")

    def test_it_catches_up_on_what_a_lost_event_left(self):
        names = list(ORDERS)
        db, _ = self.deployed({names[0]: ORDERS[names[0]]})
        self.applies(ORDER_IDS[1:], plan=self.lab.plan(ORDERS, db), env=scheduler(stamp(hours=1)))

    def test_a_delivery_after_a_failed_run_tries_again(self):
        db = self.lab.database()
        due = stamp(minutes=1)
        broken = {**ORDERS, "0003_add_note.sql": "select 1/0;"}
        self.ends(self.lab.run("run", plan=self.lab.plan(broken, db), env=scheduler(due)), 1,
                  "failed")
        self.applies(ORDER_IDS[2:], plan=self.lab.plan(ORDERS, db), env=scheduler(due))
        self.ends(self.lab.run("run", plan=self.lab.plan(ORDERS, db), env=scheduler(due)), 0,
                  "duplicate")

    def test_a_duplicate_lists_what_a_newer_image_has(self):
        names = list(ORDERS)
        db = self.lab.database()
        due = stamp(minutes=1)
        self.applies(ORDER_IDS[:1], env=scheduler(due),
                     plan=self.lab.plan({names[0]: ORDERS[names[0]]}, db))
        report = self.ends(self.lab.run("run", plan=self.lab.plan(ORDERS, db), env=scheduler(due)),
                           0, "duplicate")
        self.assertEqual(report["pending"], ORDER_IDS[1:])

    def test_max_age(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db, trigger={"max_age": "1h"})
        for env, word in ((scheduler(stamp(hours=2)), "trigger.max_age is 1 h"),
                          (scheduler(stamp(hours=-2)), "from now"),
                          ({"POSTLUDE_SCHEDULE_ARN": NIGHTLY}, "no time")):
            report = self.ends(self.lab.run("run", plan=plan, env=env), 3, "refused")
            self.assertIn(word, report["error"]["message"])
        self.assertFalse(self.lab.has_ledger(db))
        self.applies(ORDER_IDS, plan=plan, env=scheduler(stamp(minutes=59)))


if __name__ == "__main__":
    main()
