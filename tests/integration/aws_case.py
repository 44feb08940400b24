"""What the tests with a stand-in for AWS share: a laboratory that has one, and runs that report."""

import unittest

from case import LabCase, share_lab
from lab import Lab
from aws_endpoint import AwsEndpoint


def share_aws_lab(**how):
    """A laboratory with a stand-in for AWS, for this file's tests."""
    aws = AwsEndpoint().start()
    unittest.addModuleCleanup(aws.stop)
    share_lab(Lab(aws=aws, **how))


def setUpModule():  # pylint: disable=invalid-name
    share_aws_lab()


class TopicCase(LabCase):
    """Each test starts with a topic that has got nothing, and an empty database."""

    def setUp(self):
        self.aws = self.lab.aws
        self.aws.clear()
        self.db = self.lab.database()

    def run_files(self, files, event=None, env=None, **changes):
        """A run of a plan of these files."""
        return self.lab.run("run", plan=self.lab.plan(files, self.db, **changes), env=env,
                            event=self.lab.event() if event is None else event)
