"""config/plan.schema.json says what the parser's table of keys says, and judges as the parser does.

test_schema.py PLAN-TOOL CONFIG-FOLDER
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import jsonschema
import plan_yaml

tool, config = sys.argv[1], pathlib.Path(sys.argv[2])
schema = json.loads((config / "plan.schema.json").read_text(encoding="utf-8"))
keys = json.loads(subprocess.run([tool, "keys"], check=True, capture_output=True).stdout)

VARIABLE = {"type": "string", "pattern": r"\$\{"}
DURATION = {"type": "string", "pattern": "^[0-9]{1,12}(ms|s|m|h|d)$"}
# Demands on single texts, which the table has as C functions. What can be said as a pattern is.
TEXTS = {
    "plan": {"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"},
    "database.host": {"pattern": r"^(?!ssm:)|^ssm:[A-Za-z0-9_./:-]+$|\$\{"},
    "database.name": {"pattern": "^(?!ssm:)"},
    "database.user": {"pattern": "^(?!ssm:)"},
    "database.secret": {"pattern": r"^[A-Za-z0-9/_+=.@!:-]*$|\$\{"},
    "migrations.file": {"pattern": r"\.sql$"},
    "migrations.id": {"minLength": 1, "maxLength": 200},
}
ITEMS = {
    "trigger.accounts": {"anyOf": [{"type": "string", "pattern": "^[0-9]{12}$"}, VARIABLE]},
}


def full_name(key):
    return ".".join(filter(None, [key["section"], key["name"]]))


def literal(key):
    return json.loads(key["default"]) if key["type"] in ("integer", "boolean") else key["default"]


def forms(key):
    """The schemas of which a value has to fit one."""
    if key["type"] == "integer":
        return [{"type": "integer", "minimum": key["min"], "maximum": key["max"]}]
    if key["type"] == "boolean":
        return [{"type": "boolean"}]
    if key["type"] == "duration":
        return ([] if key["min"] else [{"const": 0}]) + [DURATION]
    return [{"enum": key["words"]}]


def expected(key):
    """What the schema has to say of this key, but for its description."""
    if key["type"] == "text":
        nonempty = key["required"] or not key["expands"]
        said = {"type": "string", **TEXTS.get(full_name(key), {"minLength": 1} if nonempty else {})}
    elif key["type"] == "list":
        said = {"type": "array", "minItems": 1,
                "items": ITEMS.get(full_name(key), {"type": "string", "minLength": 1})}
    elif key["type"] == "command":
        said = {"type": "array", "minItems": 1, "items": {"type": "string"}}
    else:
        each = forms(key) + ([VARIABLE] if key["expands"] else [])
        said = each[0] if len(each) == 1 and key["type"] != "duration" else {"anyOf": each}
    return {**said, **({"default": literal(key)} if key["default"] is not None else {})}


def homes():
    """(section, its part of the schema, its keys); an entry of "migrations" is of one of two kinds."""
    entry = schema["properties"]["migrations"]["items"]["anyOf"]
    for name in dict.fromkeys(key["section"] for key in keys):
        own = [key for key in keys if key["section"] == name]
        if name == "migrations":
            for side, part in (("file", entry[1]), ("command", entry[2])):
                yield name, part, [key for key in own if key["side"] in ("", side)]
        else:
            yield name, schema["properties"][name] if name else schema, own


def required(key, part):
    """A command has no file that its id could come from."""
    return key["required"] or (full_name(key) == "migrations.id" and "command" in part["properties"])


def accepted(plan):
    return not list(jsonschema.Draft7Validator(schema).iter_errors(plan_yaml.read(plan)))


BASE = {
    "version": "version: 1",
    "plan": "plan: orders",
    "database": "database: {host: db, name: o, user: u, password: '${P}'%s}",
    "migrations": "migrations: [1.sql]",
}


def plan_with(key, value):
    parts = dict(BASE)
    parts["database"] %= f", {key}: {value}" if key else ""
    return "\n".join(parts.values()) + "\n"


class Schema(unittest.TestCase):
    def test_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(schema)

    def test_has_the_keys_of_the_table(self):
        for name, part, own in homes():
            self.assertEqual(list(part["properties"]), [key["name"] for key in own], f'section "{name}"')
            needed = [key["name"] for key in own if required(key, part)]
            self.assertEqual(part.get("required", []), needed, f'section "{name}"')
            self.assertIs(part["additionalProperties"], False)

    def test_says_of_each_key_what_the_table_says(self):
        for _, part, own in homes():
            for key in own:
                if key["type"] in ("section", "entries"):
                    continue
                said = dict(part["properties"][key["name"]])
                self.assertTrue(said.pop("description"))
                self.assertEqual(said, expected(key), full_name(key))

    def test_example(self):
        text = (config / "plan.example.yaml").read_text(encoding="utf-8")
        jsonschema.Draft7Validator(schema).validate(plan_yaml.read(text))

    def test_judges_as_the_parser_does(self):
        cases = [("", ""), ("port", "1"), ("port", "65536"), ("port", "'1'"), ("port", "'${PORT}'"), ("port", "1.5"),
                 ("tls", "disable"), ("tls", "off"), ("tls", "'${T:-disable}'"), ("wait", "0"), ("wait", "10"),
                 ("wait", "10s"), ("wait", "1.5s"), ("connect_timeout", "0"), ("connect_timeout", "7d"),
                 ("role", "''"), ("role", "x"), ("iam", "false"), ("iam", "true"), ("iam", "no"), ("secret", "x"),
                 ("schema", "[a]"), ("bogus", "1"), ("role", "null")]
        self.judge({f"{key}: {value}": plan_with(key, value) for key, value in cases})

    def test_judges_logins_as_the_parser_does(self):
        logins = ["host: h, name: o, user: u", "password: p", "secret: s", "iam: true", "host: h, secret: s",
                  "host: h, name: o, user: u, iam: true", "host: h, name: o, user: u, iam: false",
                  "host: h, name: o, iam: true", "host: '', name: o, user: u, iam: true",
                  "host: h, name: o, user: u, iam: '${I:-false}'", "host: h, name: o, user: u, password: ''",
                  "host: h, name: o, user: u, password: '${P}', secret: s",
                  "host: h, name: o, user: u, password: '${P:-}', secret: s",
                  "host: h, name: o, user: u, password: '${P:-}', secret: '${S:-}'",
                  "host: h, name: o, user: u, password: '${P}', iam: true",
                  "host: h, name: o, user: u, password: '${P:-}', iam: '${I:-false}'",
                  "host: h, name: o, user: u, password: '${P}', iam: false",
                  "secret: s, iam: true", "secret: '${S:-}', iam: true", "secret: ''", "secret: 'a b'",
                  "host: '', name: '', user: '', secret: s",
                  "host: h, name: o, user: u, iam: true, tls: verify-full",
                  "host: h, name: o, user: u, iam: true, tls: require",
                  "host: h, name: o, user: u, iam: true, tls: '${T}'",
                  "host: 'ssm:/a', name: o, user: u, iam: true", "host: 'ssm:', name: o, user: u, iam: true",
                  "host: h, name: 'ssm:/a', user: u, iam: true"]
        self.judge({login: "\n".join({**BASE, "database": f"database: {{{login}}}"}.values()) + "\n"
                    for login in logins})

    def test_judges_entries_as_the_parser_does(self):
        entries = ["1.sql", "1.txt", "{}", "{file: 1.sql}", "{id: a}", "{command: [a]}", "{id: a, command: [a]}",
                   "{id: a, command: []}", "{id: a, command: a}", "{id: a, command: [a, '']}",
                   "{id: a, command: [a, null]}", "{id: a, command: [a], file: 1.sql}",
                   "{file: 1.sql, transaction: no}", "{file: 1.sql, transaction: maybe}", "{file: 1.sql, retries: 0}",
                   "{file: 1.sql, retries: 1001}", "{file: 1.sql, when: once}", "{file: 1.sql, timeout: 1s}",
                   "{file: 1.sql, verify: select true}", "{id: a, command: [a], verify: select true}",
                   "{id: a, command: [a], retries: 1}", "{id: a, command: [a], when: every, dir: b, timeout: 1s}",
                   "{id: a, command: [a], when: sometimes}", "{id: a, command: [a], timeout: 0}",
                   "{id: a, command: [a], lock_timeout: 1s}", "{id: a, command: [a], out_of_order: b}"]
        base = "".join(f"{line}\n" for name, line in BASE.items() if name != "migrations") % ""
        self.judge({entry: f"{base}migrations:\n  - {entry}\n" for entry in entries})

    def judge(self, plans):
        verdicts = set()
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "1.sql").write_text("select 1;\n")
            for title, text in plans.items():
                plan = pathlib.Path(folder, "postlude.yaml")
                plan.write_text(text)
                done = subprocess.run([tool, "load", str(plan)], check=True, capture_output=True)
                errors = [each for each in json.loads(done.stdout)["findings"] if each["level"] == "error"]
                self.assertEqual(accepted(plan.read_text()), not errors, f"{title}: {errors}")
                verdicts.add(not errors)
        self.assertEqual(verdicts, {True, False})


unittest.main(argv=sys.argv[:1])
