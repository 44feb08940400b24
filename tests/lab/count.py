"""Prints how many tests of a meson testlog.json passed, failed, were skipped. Fails without one."""

import collections
import json
import sys

PASSED = ("OK", "EXPECTEDFAIL")

with open(sys.argv[1], encoding="utf-8") as stream:
    results = collections.Counter(json.loads(line)["result"] for line in stream)
good = sum(results[name] for name in PASSED)
print(good, sum(results.values()) - good - results["SKIP"], results["SKIP"])
if not results:
    sys.exit(1)
