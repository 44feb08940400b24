"""The command line: verbs, options, what goes to stdout, what to stderr."""

import json
import os
import pty
import re
import subprocess
import uuid

from case import ORDERS, ORDER_IDS, LabCase, main, setUpModule  # noqa: F401


def listed(document, *keys):
    """The list of objects, anywhere in a document, that have these keys."""
    if isinstance(document, list):
        if document and all(isinstance(row, dict) and set(keys) <= set(row) for row in document):
            return document
        document = dict(enumerate(document))
    if isinstance(document, dict):
        for value in document.values():
            found = listed(value, *keys)
            if found is not None:
                return found
    return None


class Run(LabCase):
    """`run` and its options."""

    def test_dry_run_changes_nothing(self):
        db = self.lab.database()
        before = self.lab.fingerprint(db)
        plan = self.lab.plan(ORDERS, db)
        event = self.lab.event()
        report = self.ends(self.lab.run("run", "--dry-run", plan=plan, event=event), 0, "nothing")
        self.assertEqual(report["pending"], ORDER_IDS)
        self.assertEqual(report["applied"], [])
        self.assertEqual(self.lab.fingerprint(db), before)
        # It is no delivery: the real one is no duplicate of it.
        self.applies(ORDER_IDS, plan=plan, event=event)
        before = self.lab.fingerprint(db)
        files = {**ORDERS, "0004_new.sql": "create table new (a int);\n"}
        report = self.lab.run("run", "--dry-run", plan=self.lab.plan(files, db),
                              event=self.lab.event()).report
        self.assertEqual((report["pending"], report["already_applied"]), (["0004_new"], 3))
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_dry_run_finds_conflicts(self):
        db, _ = self.deployed()
        before = self.lab.fingerprint(db)
        plan = self.lab.plan({**ORDERS, "0001_create_orders.sql": "select 2;\n"}, db)
        self.ends(self.lab.run("run", "--dry-run", plan=plan, event=self.lab.event()),
                  6, "conflict")
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_dry_run_for_people(self):
        db = self.lab.database()
        run = self.lab.run("run", "--dry-run", "--log", "text", plan=self.lab.plan(ORDERS, db),
                           event=self.lab.event(), as_json=False)
        self.assertEqual(run.code, 0, run)
        for name in ORDER_IDS:
            self.assertIn(name, run.out + run.err)

    def test_to(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        run = self.lab.run("run", "--to", ORDER_IDS[1], plan=plan, event=self.lab.event())
        report = self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in report["applied"]], ORDER_IDS[:2])
        self.assertEqual(report["pending"], ORDER_IDS[2:])
        self.applies(ORDER_IDS[2:], plan=plan, event=self.lab.event())

    def test_to_an_unknown_migration(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        run = self.lab.run("run", "--to", "0002_index_order", plan=plan, event=self.lab.event())
        report = self.ends(run, 2, "invalid")
        self.assertIn("0002_index_orders", report["error"]["message"] + report["error"]["hint"])
        self.assertFalse(self.lab.has_ledger(db))

    def test_json_has_the_same_keys_however_it_ends(self):
        db, plan = self.deployed()
        broken = self.lab.plan({**ORDERS, "0004_it.sql": "select nowhere;\n"}, db)
        keys, inner = set(), set()
        for run in (self.lab.run("run", plan=plan, event=self.lab.event()),
                    self.lab.run("run", plan=broken, event=self.lab.event()),
                    self.lab.run("run", plan=plan, event=self.lab.event(state="FAILED")),
                    self.lab.run("run", plan=plan, event="{"),
                    self.lab.run("run", plan="/nowhere.yaml", event=self.lab.event()),
                    self.lab.run("run", plan=plan, event=self.lab.event(), port=1)):
            keys.add(tuple(run.report))
            inner.add(tuple(run.report["trigger"]))
        self.assertEqual(len(keys), 1, keys)
        self.assertEqual(len(inner), 1, inner)

    def test_json_log_lines(self):
        db = self.lab.database()
        long = "x" * 20_000
        plan = self.lab.plan({"0001_it.sql": f"do $$ begin raise notice '{long}'; end $$;\n",
                              "0002_it.sql": f"do $$ begin raise exception '{long}\x07'; end $$;\n"
                              }, db)
        run = self.lab.run("run", "--log-level", "debug", plan=plan, event=self.lab.event(),
                           as_json=False)
        self.assertEqual(run.code, 1, run)
        self.assertGreater(len(run.log), 0)
        for line in run.err.splitlines():
            self.assertLessEqual(len(line.encode()), 12 * 1024)
            row = json.loads(line)
            self.assertLessEqual({"time", "level", "msg", "run_id"}, set(row), line)
        # With a JSON log the report is on stdout too, on one line that is no longer than those.
        self.assertEqual(run.report["outcome"], "failed")
        self.assertEqual(len({row["run_id"] for row in run.log}), 1)

    def test_text_log_on_a_terminal(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(self.lab.command()[0], self.lab.command("run", plan=plan),
                      {**self.lab.environment(), "TERM": "xterm",
                       "POSTLUDE_EVENT": self.lab.event()})
        seen = b""
        while True:
            try:
                block = os.read(terminal, 65536)
            except OSError:
                break
            if not block:
                break
            seen += block
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, seen)
        self.lab.check_secrets("a terminal", seen)
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen.decode())
        for name in ORDER_IDS:
            self.assertIn(name, text)
        self.assertNotIn('{"time"', text)

    def test_text_log_by_choice(self):
        db = self.lab.database()
        run = self.lab.run("run", plan=self.lab.plan(ORDERS, db), event=self.lab.event(),
                           env={"POSTLUDE_LOG": "text"}, as_json=False)
        self.assertEqual(run.code, 0, run)
        self.assertNotIn('{"time"', run.err)
        self.assertNotIn("\x1b", run.out + run.err, "colour without a terminal")
        self.assertIn("3 migrations applied", run.out + run.err)

    def test_failure_for_people(self):
        db = self.lab.database()
        plan = self.lab.plan({"0001_it.sql": "select 1;\nselect nowhere;\n"}, db)
        run = self.lab.run("run", "--log", "text", plan=plan, event=self.lab.event(),
                           as_json=False)
        self.assertEqual(run.code, 1, run)
        said = run.out + run.err
        self.assertIn("0001_it.sql:2:8", said)
        self.assertIn("42703", said)
        self.assertIn("column \"nowhere\" does not exist", said)


class Output(LabCase):
    """Where the answer cannot be written."""

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(self.lab.command("--help"), stdout=full, text=True, check=False,
                                  stderr=subprocess.PIPE, env=self.lab.environment())
        self.assertEqual(done.returncode, 10)
        self.assertIn("No space left on device", done.stderr)

    def test_what_became_of_the_database_counts(self):
        db = self.lab.database()
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(self.lab.command("run", plan=self.lab.plan(ORDERS, db)),
                                  stdout=full, text=True, check=False, stderr=subprocess.PIPE,
                                  env={**self.lab.environment(), "POSTLUDE_REASON": "test"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("No space left on device", done.stderr)


class Status(LabCase):
    """`status`: per migration, nothing changed."""

    def status(self, db, files=None, code=0, **changes):
        run = self.lab.run("status", plan=self.lab.plan(files or ORDERS, db, **changes))
        self.assertEqual(run.code, code, run)
        rows = listed(run.report, "id", "state")
        self.assertIsNotNone(rows, run)
        return {row["id"]: row["state"] for row in rows}

    def test_without_a_ledger(self):
        db = self.lab.database()
        before = self.lab.fingerprint(db)
        self.assertEqual(self.status(db), dict.fromkeys(ORDER_IDS, "pending"))
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_each_state(self):
        db, _ = self.deployed()
        broken = {**ORDERS, "0004_broken.sql": "select nowhere;\n"}
        self.ends(self.lab.run("run", plan=self.lab.plan(broken, db), event=self.lab.event()),
                  1, "failed")
        before = self.lab.fingerprint(db)
        files = {**broken, "0001_create_orders.sql": "select 2;\n",
                 "0005_new.sql": "select 1;\n"}
        del files["0003_add_note.sql"]
        run = self.lab.run("status", plan=self.lab.plan(files, db))
        rows = {row["id"]: row["state"] for row in listed(run.report, "id", "state")}
        self.assertEqual(rows, {"0001_create_orders": "changed", "0002_index_orders": "applied",
                                "0003_add_note": "unknown", "0004_broken": "failed",
                                "0005_new": "pending"}, run)
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_for_people(self):
        db, plan = self.deployed()
        run = self.lab.run("status", "--log", "text", plan=plan, as_json=False)
        self.assertEqual(run.code, 0, run)
        for name in ORDER_IDS:
            self.assertRegex(run.out, rf"{name}.*applied|applied.*{name}")
        self.assertIn(db, run.out + run.err)

    def test_why_the_last_try_failed(self):
        db, _ = self.deployed()
        broken = {**ORDERS, "0004_broken.sql": "select 1;\n  select nowhere;\n"}
        self.ends(self.lab.run("run", plan=self.lab.plan(broken, db), event=self.lab.event()),
                  1, "failed")
        run = self.lab.run("status", plan=self.lab.plan(broken, db), as_json=False)
        said = " ".join(run.out.split())
        self.assertIn('0004_broken.sql:2:10: column "nowhere" does not exist (SQLSTATE 42703)', said)

    def test_what_a_run_would_be_told(self):
        db, _ = self.deployed()
        files = {"0000_late.sql": "select 1;\n", **ORDERS}
        run = self.lab.run("status", plan=self.lab.plan(files, db))
        self.assertEqual((run.code, run.report["refusal"]["kind"]), (0, "conflict"), run)
        run = self.lab.run("status", plan=self.lab.plan(files, db), as_json=False)
        self.assertIn('A run would end "conflict"', run.out)

    def test_who_is_at_work(self):
        db, plan = self.deployed()
        self.assertIsNone(self.lab.run("status", plan=plan).report["running"])
        owner = "01a20499-42c8-7f32-8ec1-b4538aec6000"
        self.lab.psql(f"update postlude.plan set owner = '{owner}', owned_since = now()", db)
        self.assertEqual(self.lab.run("status", plan=plan).report["running"]["run_id"], owner)
        self.assertIn(f"Run {owner} is at work", " ".join(
            self.lab.run("status", plan=plan, as_json=False).out.split()))

    def test_unreachable(self):
        run = self.lab.run("status", plan=self.lab.plan(ORDERS, "no_such_db"))
        self.assertEqual(run.code, 4, run)
        self.assertEqual(run.report["error"]["kind"], "unreachable")


class Validate(LabCase):
    """`validate`: every finding, no network."""

    def findings(self, files, code, event=None, args=(), **changes):
        run = self.lab.run("validate", *args, plan=self.lab.plan(files, **changes), event=event,
                           port=1)
        self.assertEqual(run.code, code, run)
        rows = listed(run.report, "message", "line")
        return [] if rows is None else rows

    def test_a_good_plan(self):
        self.findings(ORDERS, 0)

    def test_every_finding(self):
        files = {"0001_a.sql": "begin;\nselect 1;\nrollback;\n",
                 "0002_b.sql": "select 'open;\n",
                 "0003_c.sql": "\\d orders\n",
                 "0004_d.sql": "create index concurrently i on t (a);\nlisten a;\n",
                 "0005_e.sql": "select 1; savepoint a;\n",
                 "0006_f.sql": b"select '\xff';\n"}
        found = self.findings(files, 2, migrations=[*files, "0007_missing.sql"],
                              run={"lock_tmeout": "3s"})
        text = json.dumps(found)
        for name in [*files, "0007_missing.sql"]:
            self.assertIn(name, text)
        self.assertIn("lock_timeout", text, "did-you-mean")
        places = {(os.path.basename(row.get("file") or ""), row["line"]) for row in found}
        for place in (("0001_a.sql", 3), ("0002_b.sql", 1), ("0003_c.sql", 1), ("0004_d.sql", 2),
                      ("0005_e.sql", 1)):
            self.assertIn(place, places, text)

    def test_a_run_refuses_what_validate_finds(self):
        db = self.lab.database()
        for text, word in (("create index concurrently i on t (a);\nset a.b = 1;\n", "SET"),
                           ("select 1;\nrollback;\n", "ROLLBACK"), ("\\i x.sql\n", "\\i"),
                           ("vacuum;\nlisten a;\n", "LISTEN"),
                           ("load 'auto_explain';\n", "LOAD"),
                           ("set session authorization lab;\n", "SET SESSION AUTHORIZATION"),
                           ("copy t to stdout;\n", "COPY")):
            with self.subTest(text):
                plan = self.lab.plan({"0001_ok.sql": "create table ok (a int);\n",
                                      "0002_it.sql": text}, db)
                run = self.lab.run("run", plan=plan, event=self.lab.event())
                self.ends(run, 2, "invalid")
                said = run.out + run.err
                self.assertIn(word, said)
                self.assertIn("0002_it.sql", said)
                self.assertEqual(self.tables(db), set(), "nothing was touched")

    def test_a_file_outside_the_plans_folder(self):
        plan = self.lab.plan(ORDERS, migrations=["../elsewhere.sql"])
        self.assertEqual(self.lab.run("validate", plan=plan).code, 2)
        os.symlink("/etc/passwd", os.path.join(os.path.dirname(plan), "link.sql"))
        run = self.lab.run("validate", plan=self.lab.plan(ORDERS, migrations=["/etc/passwd"]))
        self.assertEqual(run.code, 2, run)

    def test_with_an_event(self):
        event = self.lab.event(pipeline="billing-prod")
        self.assertNotEqual(self.lab.run("validate", "--event", event, port=1,
                                         plan=self.lab.plan(ORDERS)).code, 0)
        self.assertEqual(self.lab.run("validate", "--event", self.lab.event(), port=1,
                                      plan=self.lab.plan(ORDERS)).code, 0)

    def test_for_people(self):
        plan = self.lab.plan({"0001_a.sql": "select 1;\n\n  rollback;\n"})
        run = self.lab.run("validate", "--log", "text", plan=plan, as_json=False)
        self.assertEqual(run.code, 2, run)
        self.assertIn("0001_a.sql:3:3", run.out + run.err)


class Words(LabCase):
    """What is not known is said with the nearest known word."""

    def test_unknown_words(self):
        for args, word in ((["statsu"], "status"), (["rnu"], "run"), (["run", "--dryrun"],
                           "--dry-run"), (["run", "--pln", "x"], "--plan"),
                           (["status", "--jsn"], "--json"), (["--versio"], "--version"),
                           (["run", "--log", "txt"], "text"),
                           (["run", "--log-level", "inf"], "info")):
            with self.subTest(args):
                run = self.lab.run(*args, as_json=False)
                self.assertEqual(run.code, 2, run)
                self.assertIn(word, run.out + run.err)

    def test_an_option_without_its_value(self):
        for args in (["run", "--plan"], ["run", "--event"], ["run", "--to"], ["run", "--plan", ""],
                     ["run", "extra"], ["status", "--to", "x"], ["run", "--dry-run=x"]):
            with self.subTest(args):
                run = self.lab.run(*args, as_json=False)
                self.assertEqual(run.code, 2, run)
                self.assertTrue(run.err + run.out)

    def test_help_and_version(self):
        for args in (["--help"], ["run", "--help"], ["--version"], ["status", "--help"]):
            run = self.lab.run(*args, as_json=False)
            self.assertEqual((run.code, run.err), (0, ""), run)
            self.assertTrue(run.out.endswith("\n"))
            for line in run.out.splitlines():
                self.assertLessEqual(len(line), 100, line)
        self.assertRegex(self.lab.run("--version", as_json=False).out, r"\d+\.\d+\.\d+")
        shown = self.lab.run("--help", as_json=False).out
        for word in ("run", "status", "validate", "--plan", "--json", "--log"):
            self.assertIn(word, shown)

    def test_json_of_a_wrong_command_line(self):
        run = self.lab.run("run", "--dryrun", "--json", as_json=False)
        self.assertEqual(run.code, 2, run)
        self.assertEqual((run.report["exit_code"], run.error["kind"]), (2, "invalid"), run)

    def test_run_ids_are_uuids_of_their_own(self):
        db, plan = self.deployed()
        ids = {self.lab.run("run", plan=plan, event=self.lab.event()).report["run_id"]
               for _ in range(3)}
        self.assertEqual(len(ids), 3)
        for run_id in ids:
            uuid.UUID(run_id)
        self.assertEqual(len(self.lab.runs(db)), 4)


if __name__ == "__main__":
    main()
