"""The laboratory's EventBridge: patterns, transformers, schedules, overrides, case by case."""

import json
import os
import unittest

import case  # for the path to the laboratory  pylint: disable=unused-import

# pylint: disable=wrong-import-order
import raw_json
from blocks import read_blocks
from event_pattern import EventPattern, PatternError
from eventbridge import (InputTransformer, Rule, TargetError, Undelivered, schedule_input,
                         target_input)
from task_override import OverrideError, container_of, read_override

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
RULE = Rule("arn:aws:events:eu-west-3:210987654321:rule/orders")
SCHEDULE = "arn:aws:scheduler:eu-west-3:210987654321:schedule/default/nightly"
EVENT = {"version": "0", "detail-type": "T", "detail": {"n": raw_json.Number("6.0")}}
DEFINITIONS = [{"Name": "agent"},
               {"Name": "postlude", "Environment": [{"Name": "DB_HOST", "Value": "proxy"},
                                                    {"Name": "SECOND", "Value": "2"}]}]


def cases(name, keys):
    """The blocks of a case file."""
    for block in read_blocks(f"{CASES}/{name}"):
        block.only(keys)
        yield block


class CaseFiles(unittest.TestCase):
    """Everything that the case files say."""

    def refuses(self, block, kinds, make):
        """Whether a case expects a refusal; asserts that it is one, and its words."""
        for key, kind in kinds.items():
            words = block.get(key)
            if words:
                with self.assertRaises(kind) as caught:
                    make()
                self.assertIn(words, str(caught.exception))
                return True
        return False

    def test_patterns(self):
        for block in cases("patterns.txt", ("pattern", "yes", "no", "refused")):
            with self.subTest(block.name):
                if self.refuses(block, {"refused": PatternError},
                                lambda block=block: EventPattern(block.get("pattern"))):
                    continue
                pattern = EventPattern(block.get("pattern"))
                self.assertTrue(block.all("yes") + block.all("no"))
                for key, matches in (("yes", True), ("no", False)):
                    for event in block.all(key):
                        self.assertIs(pattern.matches(raw_json.read(event)), matches, event)

    def test_transformers(self):
        keys = ("paths", "template", "event", "gives", "refused", "undelivered")
        for block in cases("transformers.txt", keys):
            def make(block=block):
                transformer = InputTransformer({"InputPathsMap": json.loads(block.get("paths")),
                                                "InputTemplate": block.get("template", "")})
                return transformer.apply(raw_json.read(block.get("event")), RULE)

            with self.subTest(block.name):
                kinds = {"refused": TargetError, "undelivered": Undelivered}
                if not self.refuses(block, kinds, make):
                    self.assertEqual(make(), block.get("gives"))

    def test_overrides(self):
        for block in cases("overrides.txt", ("override", "variables", "command", "refused")):
            def make(block=block):
                return container_of(read_override(block.get("override")), DEFINITIONS, "postlude")

            with self.subTest(block.name):
                if not self.refuses(block, {"refused": OverrideError}, make):
                    self.assertEqual(make(), (json.loads(block.get("variables")),
                                              json.loads(block.get("command", "null"))))


class Targets(unittest.TestCase):
    """What does not fit on a line."""

    def test_ways_of_input(self):
        for target, text in (
                ({}, '{"version":"0","detail-type":"T","detail":{"n":6.0}}'),
                ({"Input": '{"a": 1}'}, '{"a": 1}'), ({"InputPath": "$.detail"}, '{"n":6.0}'),
                ({"InputTransformer": {"InputPathsMap": {"n": "$.detail.n"},
                                       "InputTemplate": '{"n": "<n>"}'}}, '{"n": "6.0"}')):
            self.assertEqual(target_input(target, EVENT, RULE), text)

    def test_targets_that_are_refused(self):
        for target in ({"Input": "{}", "InputPath": "$"}, {"Input": "{"}, {"Input": "{" * 8193},
                       {"InputPath": "detail"}, {"InputPath": "$." + "a" * 255},
                       {"InputTransformer": {"InputTemplate": '"' + "a" * 8191 + '"'}},
                       {"InputTransformer": {"InputTemplate": '"a"', "InputPathsMap": {
                           f"n{number}": "$.a" for number in range(101)}}}):
            with self.assertRaises(TargetError):
                target_input(target, EVENT, RULE)

    def test_limits_are_reached(self):
        for target in ({"InputPath": "$." + "a" * 254},
                       {"InputTransformer": {"InputTemplate": '"' + "a" * 8190 + '"'}},
                       {"InputTransformer": {"InputTemplate": '"a"', "InputPathsMap": {
                           f"n{number}": "$.a" for number in range(100)}}}):
            target_input(target, EVENT, RULE)

    def test_overrides_that_are_long(self):
        def override(length):
            empty = '{"containerOverrides":[{"name":"postlude","command":[""]}]}'
            return empty.replace('""', '"' + "é" * (length - len(empty)) + '"')

        read_override(override(8192))
        with self.assertRaisesRegex(OverrideError, "at most 8192"):
            read_override(override(8193))

    def test_keywords_of_a_schedule(self):
        text = ('{"arn":"<aws.scheduler.schedule-arn>","t":"<aws.scheduler.scheduled-time>",'
                '"id":"<aws.scheduler.execution-id> <aws.scheduler.attempt-number>",'
                '"other":"<aws.scheduler.name> <aws.events.rule-arn>"}')
        self.assertEqual(json.loads(schedule_input(text, SCHEDULE, "2031-03-14T09:00:00Z", "e1")), {
            "arn": SCHEDULE, "t": "2031-03-14T09:00:00Z", "id": "e1 1",
            "other": "<aws.scheduler.name> <aws.events.rule-arn>"})
        for bad in ("", '"' + "a" * 8191 + '"'):
            with self.assertRaises(TargetError):
                schedule_input(bad, SCHEDULE, "2031-03-14T09:00:00Z", "e1")


if __name__ == "__main__":
    case.main()
