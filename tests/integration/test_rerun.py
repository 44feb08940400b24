"""The line of the kit's templates that starts the migrations by hand: a shell splits it into what
`aws` makes a RunTask of, and the task that it starts is a manual run of who and why.
"""

import glob
import json
import os
import stat
import subprocess
import tempfile

from aws_case import share_aws_lab
from case import ORDER_IDS, ORDERS, LabCase, main

# pylint: disable=wrong-import-order
from aws_ecs import session
from botocore import xform_name
from botocore.validate import ParamValidator
from cloudformation import Template
from task_override import container_of, read_override

HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATES = f"{os.path.dirname(os.path.dirname(HERE))}/config/cloudformation"
WHY = "orders 4711: the event was lost, see \u201cThursday\u201d"
WHO = "alice@example.com"


def setUpModule():  # pylint: disable=invalid-name
    share_aws_lab(pooler=False)


class Line:
    """One such line, as the stack of a template puts it out."""

    def __init__(self, name, template, text):
        self.name = name
        self.template = template
        self.text = text

    def containers(self):
        """The containers of the task definition that it names by its family."""
        family = self.request()["taskDefinition"]
        (found,) = [item for item in self.template.of_type("AWS::ECS::TaskDefinition").values()
                    if item.get("Family") == family]
        return found["ContainerDefinitions"]

    def words(self, shell="sh"):
        """The words that a shell makes of it, after `aws`."""
        with tempfile.TemporaryDirectory() as folder:
            program = f"{folder}/aws"
            with open(program, "w", encoding="utf-8") as stream:
                stream.write("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
            os.chmod(program, stat.S_IRWXU)
            done = subprocess.run([shell, "-c", self.text], check=True, capture_output=True,
                                  timeout=30, env={"PATH": f"{folder}:/usr/bin:/bin"})
        assert not done.stderr, done.stderr
        return done.stdout.decode().split("\0")[:-1]

    def options(self):
        """Its options by name, without the dashes."""
        words = self.words()
        assert words[:2] == ["ecs", "run-task"], words
        names, values = words[2::2], words[3::2]
        assert len(names) == len(values) and all(name.startswith("--") for name in names), words
        return dict(zip((name[2:] for name in names), values))

    def request(self):
        """What it asks of RunTask: an option is a member in other letters, a structure is JSON."""
        options = self.options()
        del options["region"]
        members = session().get_service_model("ecs").operation_model(
            "RunTask").input_shape.members
        known = {xform_name(name, "-"): name for name in members}
        return {known[name]: json.loads(value) if members[known[name]].type_name == "structure"
                else value for name, value in options.items()}

    def filled(self, why, who):
        """The line with its two blanks filled in."""
        assert self.text.count("<why>") == self.text.count("<who>") == 1, self.text
        text = self.text.replace("<why>", why).replace("<who>", who)
        return Line(self.name, self.template, text)


def lines():
    """All lines that the kept templates put out."""
    for path in sorted(glob.glob(f"{TEMPLATES}/*.json")):
        with open(path, encoding="utf-8") as stream:
            template = Template(json.load(stream))
        for name, output in template.template.get("Outputs", {}).items():
            if "Rerun" in name:
                yield Line(f"{name} of {os.path.basename(path)}", template,
                           template.resolve(output["Value"]))


class Rerun(LabCase):
    """Every such line there is."""

    def setUp(self):
        self.lines = list(lines())

    def test_each_stage_has_one(self):
        self.assertEqual(len(self.lines), 2, [line.name for line in self.lines])

    def test_shells_agree(self):
        for line in self.lines:
            self.assertEqual(line.words("dash"), line.words("bash"), line.name)

    def test_it_is_what_run_task_takes(self):
        shape = session().get_service_model("ecs").operation_model("RunTask").input_shape
        for line in self.lines:
            with self.subTest(line.name):
                request = line.request()
                report = ParamValidator().validate(request, shape)
                self.assertFalse(report.has_errors(), report.generate_report())
                self.assertEqual(set(request), {"cluster", "taskDefinition", "launchType",
                                                "networkConfiguration", "overrides"})
                self.assertEqual(line.options()["region"], line.template.region)

    def test_it_starts_the_task_where_the_rule_does(self):
        for line in self.lines:
            with self.subTest(line.name):
                request = line.request()
                (target,) = [target for rule in line.template.of_type("AWS::Events::Rule").values()
                             for target in rule["Targets"] if "EcsParameters" in target]
                self.assertEqual(target["Arn"].rsplit("/", 1)[-1], request["cluster"])
                parameters = target["EcsParameters"]
                self.assertEqual(parameters["LaunchType"], request["launchType"])
                self.assertEqual(parameters["TaskDefinitionArn"].rsplit("/", 1)[-1].split(":")[0],
                                 request["taskDefinition"])
                there = parameters["NetworkConfiguration"]["AwsVpcConfiguration"]
                here = request["networkConfiguration"]["awsvpcConfiguration"]
                self.assertEqual({name[0].lower() + name[1:]: value
                                  for name, value in there.items()}, here)
                self.assertEqual(len(here["subnets"]), 2)

    def test_the_task_is_told_the_same_line(self):
        for line in self.lines:
            variables, _ = container_of({}, line.containers(), "postlude")
            self.assertEqual(variables["POSTLUDE_RERUN"], line.text)

    def start(self, line):
        """A run with what the container would have, but for the ways to database and topic."""
        override = read_override(line.options()["overrides"])
        variables, command = container_of(override, line.containers(), "postlude")
        self.assertIsNone(command)
        env = {name: value for name, value in variables.items()
               if not name.startswith(("DB_", "SNS_", "POSTLUDE_REPORT_TOPIC"))}
        db = self.lab.database()
        trigger = {"pipelines": ["${PIPELINE_NAME}"], "stages": ["${PIPELINE_STAGE}"],
                   "accounts": ["${PIPELINE_ACCOUNT}"], "regions": ["${PIPELINE_REGION}"]}
        plan = self.lab.plan(ORDERS, db, trigger=trigger)
        return db, self.lab.run(plan=plan, as_json=False,
                                env={**env, **self.lab.aws.metadata_environment()})

    def test_the_program_runs_for_who_and_why(self):
        for line in self.lines:
            with self.subTest(line.name):
                db, run = self.start(line.filled(WHY, WHO))
                report = self.ends(run, 0, "applied")
                self.assertEqual([step["id"] for step in report["applied"]], ORDER_IDS)
                self.assertEqual(report["trigger"]["kind"], "manual")
                self.assertEqual(report["rerun"], line.text)
                rows = self.lab.rows("select trigger, reason, operator from postlude.run", db)
                self.assertEqual(rows, [{"trigger": "manual", "reason": WHY, "operator": WHO}])


if __name__ == "__main__":
    main()
