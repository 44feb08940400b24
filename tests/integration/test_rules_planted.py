"""Faults planted into the deployment kit's rules are caught by the assertions of test_rules."""

import json
import re

import case
from rules_case import RulesCase, every


class Planted(RulesCase):
    """One fault at a time."""

    def caught(self, what, broken, check):
        """Asserts that a check refuses a rule that was broken."""
        try:
            check(broken)
        except (AssertionError, ValueError):
            return
        self.fail(f"{broken.name}: nobody noticed: {what}")

    def broken(self, sending, edit):
        """The same rule, or watch of several, with its properties edited."""
        broken = sending.edited(edit)
        pairs = zip(getattr(broken, "rules", [broken]), getattr(sending, "rules", [sending]))
        self.assertTrue(any(one.properties != other.properties for one, other in pairs),
                        "nothing was broken")
        return broken

    def test_variables(self):
        for start in every("starts"):
            self.check_variables(start)
            names = re.findall(r"POSTLUDE_EVENT_\w+",
                               start.target["InputTransformer"]["InputTemplate"])
            self.assertGreater(len(names), 10)
            for name in names:
                for what, edit in variable_faults(name).items():
                    self.caught(f"{name} {what}", self.broken(start, edit), self.check_variables)

    def test_transformers(self):
        for start in every("starts"):
            for what, edit in TRANSFORMER_FAULTS.items():
                self.caught(what, self.broken(start, edit), self.check_variables)

    def test_patterns(self):
        for start in every("starts"):
            self.check_matches(start)
            for what, edit in PATTERN_FAULTS.items():
                self.caught(what, self.broken(start, edit), self.check_matches)

    def test_watches(self):
        for watch in every("watches"):
            self.check_told(watch)
            for what, edit in WATCH_FAULTS.items():
                self.caught(what, self.broken(watch, edit), self.check_told)

    def test_messages(self):
        def spliced(properties):
            target = properties["Targets"][0]
            target["InputTransformer"] = {
                "InputPathsMap": {"t": "$.detail.taskArn", "r": "$.detail.stoppedReason",
                                  "c": "$.detail.containers[0].exitCode"},
                "InputTemplate": '{"text":"<t> stopped with <c>: <r>"}'}

        for watch in every("watches"):
            self.caught("free text in quotes", self.broken(watch, spliced), self.check_message)


def template_of(properties):
    """The first target's InputTransformer."""
    return properties["Targets"][0]["InputTransformer"]


def substitute(pattern, text):
    """An edit of the template."""
    def edit(properties):
        transformer = template_of(properties)
        transformer["InputTemplate"] = re.sub(pattern, text, transformer["InputTemplate"], count=1)
    return edit


def variable_faults(name):
    """What can be wrong with one variable of a template."""
    entry = rf'\{{"name":\s*"{name}",\s*"value":\s*"?<[\w-]+>"?\}}'

    def elsewhere(properties):
        transformer = template_of(properties)
        used = re.search(rf'"{name}",\s*"value":\s*"?<([\w-]+)>',
                         transformer["InputTemplate"])[1]
        transformer["InputPathsMap"][used] = "$.detail.none"

    return {"is lost": substitute(rf"{entry},|,{entry}", ""),
            "has another name": substitute(name, f"{name}X"),
            "has a path that is not there": elsewhere,
            "has a blank": substitute(rf'("{name}",\s*"value":\s*)"?<([\w-]+)>"?', r'\1"<\2> "'),
            "is no text": substitute(rf'("{name}",\s*"value":\s*)"?<[\w-]+>"?', r"\g<1>6.0")}


def _hostile(properties):
    transformer = template_of(properties)
    transformer["InputPathsMap"]["m"] = "$.detail.execution-trigger.commit-message"
    transformer["InputTemplate"] = re.sub(
        r"\]\}\]\}$", ',{"name":"MESSAGE","value":"<m>"}]}]}', transformer["InputTemplate"])


def _unquoted(variable):
    return substitute(rf'("POSTLUDE_EVENT_{variable}",\s*"value":\s*)"<([\w-]+)>"', r"\1<\2>")


TRANSFORMER_FAULTS = {
    "no transformer": lambda properties: properties["Targets"][0].pop("InputTransformer"),
    "the attempt without quotes": _unquoted("ATTEMPT"),
    "the version without quotes": _unquoted("VERSION"),
    "another container": substitute('"name":"postlude"', '"name":"migrate"'),
    "a commit message": _hostile,
    "the event as a whole": substitute(r'"value":"?<[\w-]+>"?',
                                       '"value":"<aws.events.event.json>"'),
    "an unknown placeholder": substitute(r"<[\w-]+>", "<nobody>"),
}


def _set(*path):
    """An edit that sets what a path of the pattern leads to; None drops it."""
    *steps, last, value = path

    def edit(properties):
        place = properties["EventPattern"]
        for step in steps:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return edit


PATTERN_FAULTS = {
    "another state too": _set("detail", "state", ["SUCCEEDED", "FAILED"]),
    "another state": _set("detail", "state", ["Succeeded"]),
    "any state": _set("detail", "state", None),
    "any pipeline": _set("detail", "pipeline", None),
    "pipelines that begin alike": lambda properties: _set("detail", "pipeline", [
        {"prefix": properties["EventPattern"]["detail"]["pipeline"][0]}])(properties),
    "any account": _set("account", None),
    "any region": _set("region", None),
    "any source": _set("source", [{"prefix": ""}]),
    "actions too": _set("detail-type", [{"wildcard": "CodePipeline * Execution State Change"}]),
    "switched off": lambda properties: properties.update(State="DISABLED"),
    "a version": _set("detail", "version", [7]),
    "an attempt": _set("detail", "pipeline-execution-attempt", [1]),
}


def _codes(change):
    """An edit of every list of exit codes in the pattern; an empty one then matches none."""
    def edit(properties):
        def walk(value):
            if isinstance(value, dict):
                return {key: (change(item) or [-1]) if key == "exitCode" else walk(item)
                        for key, item in value.items()}
            return [walk(item) for item in value] if isinstance(value, list) else value
        properties["EventPattern"] = walk(properties["EventPattern"])
    return edit


def _lost(code):
    return _codes(lambda codes: [item for item in codes if item != code])


def _above_128(codes):
    return [{"numeric": [">", max(128, item["numeric"][1]), *item["numeric"][2:]]}
            if "numeric" in (item if isinstance(item, dict) else ()) else item for item in codes]


WATCH_FAULTS = {
    "exit code 8 is lost": _lost(8),
    "exit code 3 as well": _codes(lambda codes: codes + [3] * (2 in codes)),
    "128 is lost": _codes(_above_128),
    "tasks that run": _set("detail", "lastStatus", None),
    "no exit code is lost": _lost({"exists": False}),
    "another service": _set("source", ["aws.batch"]),
}


if __name__ == "__main__":
    case.main()
