"""config/plan.example.yaml: right as it stands, and with each line opened that is a comment.

A line "# key: value" or "# - entry", behind its indentation, is an alternative. Opened it replaces
the line of the same key above it, if there is one. It then has to be accepted, or, when its own
comment says "not supported yet", to be refused by exactly that.

test_example.py PLAN-TOOL CONFIG-FOLDER
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import jsonschema
import plan_yaml

tool, config = sys.argv[1], pathlib.Path(sys.argv[2])
lines = (config / "plan.example.yaml").read_text(encoding="utf-8").splitlines()
schema = json.loads((config / "plan.schema.json").read_text(encoding="utf-8"))
keys = json.loads(subprocess.run([tool, "keys"], check=True, capture_output=True).stdout)

CLOSED = re.compile(r"^( *)# ((?:- )?([a-z_]+):(?: .*)?)$")
KEY = re.compile(r"^( *(?:- )?)([a-z_]+):")
# Of these a plan has one; opening one takes the place of another.
ONE_OF = {"password", "secret", "iam"}


def blocks():
    """Each alternative: the numbers of its lines; an entry of the list can have several."""
    at = 0
    while at < len(lines):
        found = CLOSED.match(lines[at])
        if not found:
            at += 1
            continue
        end = at + 1
        if found[2].startswith("- "):
            while end < len(lines) and re.match(re.escape(found[1]) + "#   ", lines[end]):
                end += 1
        yield range(at, end)
        at = end


def replaced(block):
    """The line that an opened one takes the place of, or None."""
    indent, text, name = CLOSED.match(lines[block[0]]).groups()
    at = block[0] - 1
    while at >= 0 and not text.startswith("- "):
        if not CLOSED.match(lines[at]):
            open_key = KEY.match(lines[at])
            same = open_key and (open_key[2] == name or {open_key[2], name} <= ONE_OF)
            return at if same and open_key[1] == indent else None
        at -= 1
    return None


def opened(block):
    """The example with that block opened."""
    drop = replaced(block)
    out = []
    for at, line in enumerate(lines):
        if at in block:
            out.append(re.sub(r"^( *)# ", r"\1", line, count=1))
        elif at != drop:
            out.append(line)
    return "\n".join(out) + "\n"


def load(text):
    """Findings of the parser, with the files that the plan names in place."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("0001_create_orders.sql", "0002_index_orders.sql", "2031/0003_more.sql"):
            path = pathlib.Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text("select 1;\n")
        plan = pathlib.Path(folder, "postlude.yaml")
        plan.write_text(text, encoding="utf-8")
        done = subprocess.run([tool, "load", str(plan)], check=True, capture_output=True)
    return json.loads(done.stdout)["findings"]


def valid(text):
    return not list(jsonschema.Draft7Validator(schema).iter_errors(plan_yaml.read(text)))


class Example(unittest.TestCase):
    def test_as_it_stands(self):
        self.assertEqual(load("\n".join(lines) + "\n"), [])

    def test_each_alternative(self):
        count = 0
        for block in blocks():
            text = opened(block)
            errors = [each["message"] for each in load(text) if each["level"] == "error"]
            where = f"line {block[0] + 1}: {lines[block[0]]}"
            if "not supported yet" in lines[block[0]]:
                self.assertEqual(len(errors), 1, f"{where}: {errors}")
                self.assertRegex(errors[0], '^"[^"]+" is not supported yet$', where)
            else:
                self.assertEqual(errors, [], where)
            self.assertEqual(valid(text), not errors, f"{where}: the schema judges otherwise")
            count += 1
        self.assertGreater(count, 20)

    def test_every_key_is_shown(self):
        shown = set()
        section = ""
        for line in lines:
            bare = re.sub(r"^( *)# (?=[ -]*[a-z_]+:)", r"\1", line)
            found = re.match(r"^( *)(?:- )?([a-z_]+):", bare)
            if found and found[1] == "" and bare.startswith(found[2]):
                section = found[2]
                shown.add(("", section))
            elif found:
                shown.add((section, found[2]))
        self.assertEqual(shown, {(key["section"], key["name"]) for key in keys})

    def test_shows_the_defaults(self):
        plan = plan_yaml.read("\n".join(lines))
        for key in keys:
            entry = plan["migrations"][3 if key["side"] == "command" else 1]
            home = entry if key["section"] == "migrations" else plan.get(key["section"], {})
            if key["default"] is not None and key["name"] in home:
                value = home[key["name"]]
                said = value if isinstance(value, str) else json.dumps(value)
                self.assertEqual(said, key["default"], key["name"])


unittest.main(argv=sys.argv[:1])
