"""A CloudFormation template as it would stand in an account: what its references come to.

Physical names are made up of the logical ones, the same each time. A resource is resolved when it
is asked for, so that what nobody asks about may hold functions that are not known here.
"""

import json
import re

# What Ref gives, and what GetAtt Arn gives, by type: {id} is the physical name.
ARNS = {
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{id}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{id}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{id}",
    "AWS::ECS::Cluster": "arn:aws:ecs:{region}:{account}:cluster/{id}",
    "AWS::ECS::TaskDefinition": "arn:aws:ecs:{region}:{account}:task-definition/{id}:7",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{id}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{id}",
    "AWS::Scheduler::Schedule": "arn:aws:scheduler:{region}:{account}:schedule/default/{id}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{id}",
}
REF_IS_ARN = ("AWS::SNS::Topic", "AWS::ECS::TaskDefinition")
NAMES = ("Name", "Family", "TopicName", "QueueName", "ClusterName", "RoleName", "FunctionName")
NO_VALUE = object()


class UnknownFunction(ValueError):
    """The template needs more than is known here."""


class Template:
    """A template in an account and a region. `exports`: what other stacks export, by name."""

    def __init__(self, template, account="210987654321", region="eu-west-3", exports=None):
        self.template = template
        self.account = account
        self.region = region
        self.exports = exports or {}
        self._functions = {
            "Ref": self._ref, "Fn::GetAtt": self._attribute, "Fn::Join": self._join,
            "Fn::Sub": self._sub, "Fn::Select": self._select, "Fn::Split": self._split,
            "Fn::ImportValue": self._import}

    def of_type(self, kind):
        """The properties of each resource of a type by logical id, resolved."""
        return {name: self.resolve(item.get("Properties", {}))
                for name, item in self.template.get("Resources", {}).items()
                if item["Type"] == kind}

    def arn(self, name):
        """The ARN of a resource."""
        item = self.template["Resources"][name]
        if item["Type"] not in ARNS:
            return f"{name}.Arn"
        return ARNS[item["Type"]].format(region=self.region, account=self.account,
                                         id=self._physical(name))

    def exported(self):
        """What this stack exports, by name."""
        return {self.resolve(output["Export"]["Name"]): self.resolve(output["Value"])
                for output in self.template.get("Outputs", {}).values() if "Export" in output}

    def resolve(self, value):
        """The value with its functions replaced; raises UnknownFunction."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key in self._functions:
                return self._functions[key](argument)
            if key.startswith("Fn::") or key == "Condition":
                raise UnknownFunction(f"{key} {json.dumps(argument)[:200]}")
        members = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in members.items() if item is not NO_VALUE}

    # Functions --------------------------------------------------------------------------------

    def _pseudo(self, name):
        return {"AWS::AccountId": self.account, "AWS::Region": self.region,
                "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
                "AWS::StackName": "stack", "AWS::NoValue": NO_VALUE}.get(name)

    def _physical(self, name):
        properties = self.template["Resources"][name].get("Properties", {})
        given = [properties[key] for key in NAMES if key in properties]
        return self.resolve(given[0]) if given else name

    def _ref(self, name):
        known = self._pseudo(name)
        if known is not None:
            return known
        if name in self.template.get("Parameters", {}):
            return self.template["Parameters"][name].get("Default", name)
        if name not in self.template.get("Resources", {}):
            raise UnknownFunction(f"Ref {name}")
        kind = self.template["Resources"][name]["Type"]
        return self.arn(name) if kind in REF_IS_ARN else self._physical(name)

    def _attribute(self, argument):
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if attribute in ("Arn", "TopicArn", "TaskDefinitionArn"):
            return self.arn(name)
        if attribute in NAMES:
            return self._physical(name)
        return f"{name}.{attribute}"

    def _join(self, argument):
        return argument[0].join(self.resolve(argument[1]))

    def _sub(self, argument):
        text, values = argument if isinstance(argument, list) else (argument, {})

        def value_of(match):
            if match[1].startswith("!"):
                return "${" + match[1][1:] + "}"
            if match[1] in values:
                return self.resolve(values[match[1]])
            return self._attribute(match[1]) if "." in match[1] else self._ref(match[1])

        return re.sub(r"\$\{([^}]+)\}", value_of, text)

    def _select(self, argument):
        return self.resolve(argument[1])[int(argument[0])]

    def _split(self, argument):
        return self.resolve(argument[1]).split(argument[0])

    def _import(self, argument):
        name = self.resolve(argument)
        return self.exports.get(name, f"import-of-{name}")
