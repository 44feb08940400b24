"""Whole runs under valgrind: no invalid access, nothing lost."""

import os
import shutil
import subprocess
import unittest

from aws_case import share_aws_lab
from case import ORDERS, LabCase, main

VALGRIND = ["/usr/bin/valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
            "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect",
            "--track-fds=no", "--num-callers=30"]


def setUpModule():  # pylint: disable=invalid-name
    if not shutil.which(VALGRIND[0]):
        raise unittest.SkipTest("valgrind is not installed")
    binary = os.environ.get("POSTLUDE", "")
    if binary and "libasan" in subprocess.run(["ldd", binary], capture_output=True, text=True,
                                              check=True).stdout:
        raise unittest.SkipTest("a sanitizer and valgrind exclude each other")
    share_aws_lab()


class Valgrind(LabCase):
    """Runs that end well and runs that do not."""

    def clean(self, code, *args, plan, as_json=True, **how):
        log = f"{self.lab.folder}/valgrind.log"
        run = self.lab.run(*args, plan=plan, as_json=as_json, timeout=300,
                           under=[*VALGRIND, f"--log-file={log}"], **how)
        with open(log, encoding="utf-8", errors="replace") as stream:
            found = stream.read()
        self.assertEqual(found, "", f"{found}\n{run}")
        self.assertEqual(run.code, code, run)
        return run

    def test_runs(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db, database={"role": "orders_owner"})
        event = self.lab.event()
        self.clean(0, "run", plan=plan, event=event)
        self.clean(0, "run", plan=plan, event=event)
        self.clean(0, "run", "--log", "text", plan=plan, event=self.lab.event(), as_json=False)
        self.clean(0, "status", plan=plan)
        self.clean(0, "validate", plan=plan)
        broken = {**ORDERS, "0004_it.sql": "create table t (a int);\ncopy t from stdin;\n1\nx\n"
                                           "\\.\nselect 1;\n"}
        self.clean(1, "run", plan=self.lab.plan(broken, db), event=self.lab.event())
        changed = {**ORDERS, "0001_create_orders.sql": "select 2;\n"}
        self.clean(6, "run", plan=self.lab.plan(changed, db), event=self.lab.event())
        self.clean(3, "run", plan=plan, event="{")
        self.clean(2, "run", plan="/nowhere.yaml", event=self.lab.event())
        self.clean(4, "run", plan=plan, event=self.lab.event(),
                   env={"DB_CA_FILE": self.lab.wrong_ca_file})


if __name__ == "__main__":
    main()
