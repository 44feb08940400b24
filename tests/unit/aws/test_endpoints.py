"""Holds our hosts against botocore's endpoint rule sets: every service that we call, every region
that botocore knows, ordinary, FIPS and dual-stack.

    test_endpoints.py ENDPOINTS
"""

import itertools
import subprocess
import sys
import unittest

import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

PROGRAM = sys.argv.pop()
SERVICES = ("sns", "sts", "secretsmanager", "ssm", "codepipeline")
# What Debian's botocore, 1.29, does not know yet; as 1.43.67 has it. Partitions, by a region:
# its suffix, and that of dual-stack hosts.
YOUNGER = {"eusc-de-east-1": ("amazonaws.eu", "api.amazonwebservices.eu"),
           "eu-isoe-west-1": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
           "us-isof-south-1": ("csp.hci.ic.gov", "api.aws.hci.ic.gov")}
# Dual-stack hosts of partitions that had none, by the prefix of their regions.
NEW_DUAL = {"us-iso-": "api.aws.ic.gov", "us-isob-": "api.aws.scloud"}


def changed(service, region, fips, dual):
    """What the younger botocore says where Debian's says something else, or None."""
    dash = "-fips" if fips else ""
    for prefix, suffix in NEW_DUAL.items():
        if dual and region.startswith(prefix):
            return f"https://{service}{dash}.{region}.{suffix}/"
    if service == "secretsmanager" and dual and not (region.startswith("cn-") and fips):
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return f"https://{service}{dash}.{region}.{suffix}/"  # dual-stack by itself
    return None


def load():
    """botocore's partitions and its rule set of each service."""
    loader = botocore.session.get_session().get_component("data_loader")
    partitions = loader.load_data("partitions")
    rules = {name: EndpointProvider(loader.load_service_model(name, "endpoint-rule-set-1"),
                                    partitions) for name in SERVICES}
    regions = [region for partition in partitions["partitions"]
               for region in partition["regions"] if not region.endswith("-global")]
    return rules, regions


def ask(questions):
    """What our program answers to (service, region, FIPS, dual-stack), in order."""
    text = "".join(f"{service} {region} {str(fips).lower()} {str(dual).lower()}\n"
                   for service, region, fips, dual in questions)
    done = subprocess.run([PROGRAM], input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


class Endpoints(unittest.TestCase):
    """Both sides, asked the same."""

    @classmethod
    def setUpClass(cls):
        cls.rules, cls.regions = load()

    def theirs(self, service, region, fips, dual):
        """botocore's URL, or None where it refuses."""
        extra = {"UseGlobalEndpoint": False} if service == "sts" else {}
        try:
            found = self.rules[service].resolve_endpoint(Region=region, UseFIPS=fips,
                                                         UseDualStack=dual, **extra)
        except EndpointProviderError:
            return None
        return found.url + "/"

    def test_regions_are_many(self):
        self.assertGreater(len(self.regions), 30)
        self.assertIn("us-gov-west-1", self.regions)
        self.assertIn("cn-north-1", self.regions)

    def test_every_host_is_botocore_s(self):
        questions = list(itertools.product(SERVICES, self.regions, (False, True), (False, True)))
        differences = []
        for question, ours in zip(questions, ask(questions)):
            expected = changed(*question) or self.theirs(*question)
            if ours != expected:
                differences.append(f"{question}: ours {ours}, botocore's {expected}")
        self.assertEqual(differences, [])

    def test_partitions_that_came_later(self):
        for region, suffixes in YOUNGER.items():
            self.assertNotIn(region, self.regions, "botocore knows it now: take it off this list")
            for dual in (False, True):
                questions = [(service, region, False, dual) for service in SERVICES]
                self.assertEqual(ask(questions), [f"https://{service}.{region}.{suffixes[dual]}/"
                                                  for service in SERVICES])


if __name__ == "__main__":
    unittest.main()
