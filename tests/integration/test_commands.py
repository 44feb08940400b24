"""Steps that are programs: what they get, what is told of them, and what each run makes of them."""

import os
import signal
import subprocess

from case import main, setUpModule  # noqa: F401
from command_case import HOLDS, TABLE, CommandCase, sh
from lab import NASTY_PASSWORD


class Environment(CommandCase):
    """Variables, folder, and output."""

    def test_connects_by_each_way(self):
        db = self.lab.database()
        psql = self.psql_program()
        other = "env -u PGHOST -u PGPORT -u PGDATABASE -u PGUSER -u PGPASSWORD -u PGSSLMODE " \
                "-u PGSSLROOTCERT"
        text = "; ".join([
            "set -e",
            f"{psql} -c 'insert into effects values (1)'",
            f"{other} {psql} \"$DATABASE_URL\" -c 'insert into effects values (2)'",
            f"{other} PGPASSWORD=\"$DB_PASSWORD\" {psql} -h \"$DB_HOST\" -p \"$DB_PORT\" "
            "-U \"$DB_USERNAME\" -d \"$DB_DATABASE\" -c 'insert into effects values (3)'",
            f"{psql} -c \"select 'tls ' || ssl from pg_stat_ssl where pid = pg_backend_pid()\"",
            f"{psql} -c \"select current_setting('application_name')\""])
        for port in (self.lab.pooler, self.lab.direct):
            db = self.lab.database()
            run = self.deploy(self.plan(db, sh(text), database={"role": None}), port=port,
                              env={"PGHOSTADDR": "192.0.2.1", "PGSERVICE": "elsewhere",
                                   "PGHOST": "192.0.2.2", "DATABASE_URL": "postgresql://no"})
            report = self.ends(run, 0, "applied")
            self.assertEqual(self.effects(db), "1,2,3", run)
            names = [text for _, text in self.lines(run)]
            self.assertIn(f"postlude/{report['run_id']}/seed"[:63], names, run)

    def test_the_applications_own_variables(self):
        db = self.lab.database()
        text = ('echo "$APP_KEY|$API_TOKEN|$MY_SECRET|$PGAPP|$DB_CA_FILE"; '
                'test "$PGOPTIONS" = -cwork_mem=1MB && echo options; pwd; echo "$0 $1"')
        step = {"id": "seed", "command": ["sh", "-c", text, "null", "one two"], "dir": "/usr/bin"}
        run = self.deploy(self.plan(db, step), env={
            "APP_KEY": "key of the app", "API_TOKEN": "t0ken", "MY_SECRET": "s3cret'\"x",
            "PGAPP": "its own", "PGOPTIONS": "-cwork_mem=1MB"})
        self.ends(run, 0, "applied")
        self.assertEqual(self.lines(run), [
            ("stdout", f"key of the app|t0ken|s3cret'\"x|its own|{self.lab.ca_file}"),
            ("stdout", "options"), ("stdout", "/usr/bin"), ("stdout", "null one two")])

    def test_output_line_by_line(self):
        db = self.lab.database()
        text = ("echo one; echo two >&2; printf 'three\\r\\n\\nfour \\033[31m \\377'; "
                "head -c 20000 /dev/zero | tr '\\0' x; exec >&-; echo end >&2")
        run = self.deploy(self.plan(db, sh(text)))
        self.ends(run, 0, "applied")
        lines = self.lines(run)
        out = [text for stream, text in lines if stream == "stdout"]
        self.assertEqual([text for stream, text in lines if stream == "stderr"], ["two", "end"])
        self.assertEqual(out[:3], ["one", "three", ""])
        self.assertTrue(out[3].startswith("four \\x1b[31m \\xff" + "x" * 50), out[3][:40])
        # In parts that the log takes, nothing lost.
        self.assertEqual(sum(text.count("x") for text in out[3:]), 20000 + 2)
        for line in run.err.splitlines():
            self.assertLessEqual(len(line.encode()), 12 * 1024)

    def test_the_password_is_masked_however_it_is_written(self):
        db = self.lab.database()
        script = f"{self.lab.folder}/spell.py"
        with open(script, "w", encoding="utf-8") as stream:
            stream.write(
                "import base64, json, os, shlex, sys, urllib.parse as u\n"
                "p = os.environ['PGPASSWORD']\n"
                f"sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__)) + '/../lab'!r})\n"
                "from runs import spellings\n"
                "for form in sorted(spellings(p)):\n"
                "    sys.stdout.buffer.write(b'<' + form + b'> and ' + form + b'\\n')\n"
                "print(os.environ['DATABASE_URL'])\n"
                "print(json.dumps(dict(os.environ)))\n"
                "print(json.dumps(json.dumps(dict(os.environ))), file=sys.stderr)\n"
                "print(p.replace(' ', '\\\\ ').replace('$', '\\\\$').replace('&', '\\\\&'))\n"
                # Cut anywhere by the limit of a line.
                "for gap in range(8192 - 40, 8192 + 3, 3):\n"
                "    print('-' * gap + p + '+' * 10)\n")
        run = self.deploy(self.plan(db, {"id": "seed", "command": ["python3", "-B", script]}))
        self.ends(run, 0, "applied")
        text = "\n".join(line for _, line in self.lines(run))
        for piece in ("p@ss", "word", "p%40ss", "#&=", "%23%26"):
            self.assertNotIn(piece, text, "a part of the password")
        self.assertIn("postgresql://migrator:***", text)
        self.assertIn("<***> and ***", text)
        self.assertNotIn(NASTY_PASSWORD.strip(), run.err)

    def test_our_own_environment_hides_it(self):
        db = self.lab.database()
        run = self.deploy(self.plan(db, sh(
            "tr '\\0' '\\n' < /proc/$PPID/environ | grep -c 'p@ss'; "
            "tr '\\0' ' ' < /proc/$$/cmdline | grep -c 'p@ss'; true")))
        self.ends(run, 0, "applied")
        self.assertEqual([text for _, text in self.lines(run)][0], "0", run)


class Ends(CommandCase):
    """Exit codes, and what report and ledger say."""

    def test_success(self):
        db = self.lab.database()
        run = self.deploy(self.plan(db, sh(self.insert())))
        report = self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in report["applied"]], ["0001_effects", "seed"])
        self.assertNotIn("exit_status", report["applied"][0])
        self.assertEqual(report["applied"][1]["exit_status"], 0)
        row = self.row(db)
        self.assertEqual((row["state"], row["kind"], row["exit_status"], row["attempting"]),
                         ("applied", "command", 0, None))
        self.ends(self.deploy(self.plan(db, sh(self.insert()))), 0, "nothing")
        self.assertEqual(self.effects(db), "1")

    def test_failure_stops_what_stands_behind(self):
        db = self.lab.database()
        # What stands before it is committed before it starts.
        steps = [sh(f"{self.insert()}; echo why >&2; exit 3"), "0002_after.sql"]
        files = {**TABLE, "0002_after.sql": "create table after (n int);\n"}
        plan = self.lab.plan(files, db, migrations=["0001_effects.sql", *steps])
        run = self.deploy(plan)
        report = self.ends(run, 1, "failed")
        error = report["error"]
        self.assertEqual((error["migration"], error["left"], error["exit_status"]),
                         ("seed", "command", 3))
        self.assertRegex(error["where"], r"postlude\.yaml:\d+:\d+$")
        self.assertEqual(report["pending"], ["seed", "0002_after"])
        self.assertEqual((self.effects(db), self.tables(db)), ("1", {"effects"}))
        row = self.row(db)
        self.assertEqual((row["state"], row["exit_status"]), ("failed", 3))
        self.assertEqual(row["error"]["exit_status"], 3)
        text = self.lab.run("run", "--log", "text", plan=plan, event=self.lab.event(),
                            as_json=False)
        self.assertEqual(text.code, 1)
        self.assertIn("exit status 3", text.out)
        self.assertEqual(self.effects(db), "1,1", "it is tried again from its beginning")
        # Mended, the next run goes on behind it.
        good = self.lab.plan(files, db, migrations=["0001_effects.sql", sh("true"),
                                                    "0002_after.sql"])
        self.applies(["seed", "0002_after"], plan=good, event=self.lab.event())

    def test_killed_by_a_signal(self):
        db = self.lab.database()
        error = self.ends(self.deploy(self.plan(db, sh("kill -9 $$"))), 1, "failed")["error"]
        self.assertEqual(error["exit_status"], 137)
        self.assertIn("signal 9", error["message"])
        self.assertEqual(self.row(db)["state"], "failed")

    def test_it_cannot_be_started(self):
        script = f"{self.lab.folder}/not_executable"
        with open(script, "w", encoding="ascii") as stream:
            stream.write("#!/bin/sh\n")
        for step, words in (
                ({"id": "seed", "command": ["no-such-program"]}, "no-such-program"),
                ({"id": "seed", "command": [script]}, "cannot be executed"),
                ({"id": "seed", "command": ["true"], "dir": "/no/such/dir"}, "/no/such/dir")):
            with self.subTest(words):
                db = self.lab.database()
                plan = self.plan(db, step)
                report = self.ends(self.deploy(plan), 2, "invalid")
                self.assertIn(words, report["error"]["message"])
                self.assertRegex(report["error"]["where"], r"postlude\.yaml:\d+:\d+$")
                row = self.row(db)
                self.assertEqual((row["state"], row["attempting"], row["exit_status"]),
                                 ("failed", None, None))
                self.applies(["seed"], plan=self.plan(db, sh("true")), event=self.lab.event())

    def test_verify(self):
        db = self.lab.database()
        report = self.ends(self.deploy(self.plan(db, sh("true", verify=HOLDS))), 1, "failed")
        self.assertEqual((report["error"]["left"], report["error"]["migration"]),
                         ("command", "seed"))
        self.assertRegex(report["error"]["where"], r"postlude\.yaml:\d+:\d+$")
        self.assertEqual((self.row(db)["state"], self.row(db)["exit_status"]), ("failed", 0))
        plan = self.plan(db, sh(self.insert(), verify=HOLDS))
        self.applies(["seed"], plan=plan, event=self.lab.event())
        self.assertEqual(self.effects(db), "1")


class Every(CommandCase):
    """`when: every`."""

    def every(self, text="true", **more):
        return sh(text, when="every", **more)

    def test_runs_in_each_run_and_is_never_pending(self):
        db = self.lab.database()
        plan = self.plan(db, self.every(self.insert()))
        event = self.lab.event()
        report = self.ends(self.lab.run("run", plan=plan, event=event), 0, "applied")
        self.assertEqual([step["id"] for step in report["applied"]], ["0001_effects"])
        self.assertEqual([(step["id"], step["exit_status"]) for step in report["every"]],
                         [("seed", 0)])
        report = self.ends(self.deploy(plan), 0, "nothing")
        self.assertEqual(([step["id"] for step in report["every"]], report["pending"],
                          report["already_applied"]), (["seed"], [], 1))
        self.ends(self.lab.run("run", plan=plan, event=event), 0, "duplicate")
        dry = self.ends(self.lab.run("run", "--dry-run", plan=plan, event=self.lab.event()),
                        0, "nothing")
        self.assertEqual((dry["pending"], dry["every"]), ([], []))
        self.assertEqual(self.effects(db), "1,1", "neither in a duplicate nor in a dry run")
        self.assertEqual((self.row(db)["kind"], self.row(db)["state"]), ("every", "applied"))

    def test_not_in_an_older_image(self):
        db = self.lab.database()
        files = {**TABLE, "0002_new.sql": "create table new (n int);\n"}
        self.ends(self.deploy(self.plan(db, self.every(), files=files)), 0, "applied")
        report = self.ends(self.deploy(self.plan(db, self.every(self.insert()))), 0, "nothing")
        self.assertEqual((report["unknown"], report["every"], self.effects(db)),
                         (["0002_new"], [], ""))

    def test_the_step_may_leave_the_plan(self):
        db = self.lab.database()
        self.ends(self.deploy(self.plan(db, self.every())), 0, "applied")
        report = self.ends(self.deploy(self.plan(db)), 0, "nothing")
        self.assertEqual(report["unknown"], [])

    def test_a_failing_one(self):
        db = self.lab.database()
        after = {"0002_after.sql": "create table after (n int);\n"}
        plan = self.lab.plan({**TABLE, **after}, db, migrations=[
            "0001_effects.sql", self.every("exit 5"), "0002_after.sql"])
        report = self.ends(self.deploy(plan), 1, "failed")
        self.assertEqual((report["error"]["migration"], report["error"]["left"]),
                         ("seed", "command"))
        self.assertEqual((report["pending"], report["every"]), (["0002_after"], []))
        good = self.lab.plan({**TABLE, **after}, db, migrations=[
            "0001_effects.sql", self.every(), "0002_after.sql"])
        self.applies(["0002_after"], plan=good, event=self.lab.event())

    def test_once_a_run_though_the_connection_is_lost(self):
        db, mark = self.lab.database(), self.mark()
        files = {**TABLE, "0002_slow.sql": "select pg_sleep(1.5);\n"}
        plan = self.lab.plan(files, db, migrations=[
            "0001_effects.sql", self.every(f"echo ran >> {mark}"), "0002_slow.sql"])
        process = self.lab.start_run("run", "--json", plan=plan, event=self.lab.event())
        self.lab.wait_for(db, "select count(pg_terminate_backend(pid)) from pg_stat_activity where "
                              "datname = current_database() and wait_event = 'PgSleep' and "
                              "application_name ~ '^postlude'", "1")
        report = self.ends(self.lab.finish(process), 0, "applied")
        self.assertEqual([step["id"] for step in report["every"]], ["seed"])
        with open(mark, encoding="ascii") as stream:
            self.assertEqual(stream.read(), "ran\n")

    def test_killed_while_it_runs(self):
        db = self.lab.database()
        mark = self.mark()
        process = self.lab.start_run("run", event=self.lab.event(), plan=self.plan(
            db, self.every(f"echo $$ > {mark}; exec sleep 300")))
        self.started(mark)
        process.kill()
        process.communicate()
        report = self.ends(self.deploy(self.plan(db, self.every())), 0, "nothing")
        self.assertEqual([step["id"] for step in report["every"]], ["seed"])


class Others(CommandCase):
    """Other runs, now and later."""

    def test_it_keeps_the_plan_for_as_long_as_it_runs(self):
        db = self.lab.database()
        mark = self.mark()
        plan = self.plan(db, sh(f"echo $$ > {mark}; sleep 8; {self.insert()}"))
        first = self.lab.start_run("run", "--json", plan=plan, event=self.lab.event())
        self.started(mark)
        second = self.deploy(plan)
        self.ends(second, 0, "nothing")
        report = self.ends(self.lab.finish(first), 0, "applied")
        self.assertEqual(self.effects(db), "1")
        waited = [row for row in second.log if row.get("holder")]
        self.assertEqual({row["holder"] for row in waited}, {report["run_id"]})
        self.assertIn("seed", [row.get("migration") for row in waited])

    def test_what_the_server_still_does_for_it_is_waited_for(self):
        # The program is killed with its run; its statement is not.
        db = self.lab.database()
        sql = "insert into effects select 1 from pg_sleep(6)"
        step = sh(f"exec {self.psql_program()} -c '{sql}'", verify=HOLDS)
        plan = self.plan(db, step)
        process = self.lab.start_run("run", plan=plan, event=self.lab.event())
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where wait_event = 'PgSleep' "
                              "and datname = current_database()", "1")
        process.kill()
        process.communicate()
        self.lab.psql("update postlude.plan set touched_at = now() - interval '1 h'", db)
        run = self.deploy(self.plan(db, step, run={"lock_wait": "500ms"}))
        self.ends(run, 5, "busy")
        self.assertEqual((run.error["migration"], run.error["left"]), ("seed", "command"), run)
        self.assertIn("the server still works for run", run.err)
        self.applies(["seed"], plan=plan, event=self.lab.event())
        self.assertEqual(self.effects(db), "1", "neither lost nor done twice")


class FirstProcess(CommandCase):
    """As process 1 of a container."""

    UNDER = ("/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

    def setUp(self):
        if subprocess.run([*self.UNDER, "true"], check=False, capture_output=True).returncode:
            self.skipTest("no pid namespace may be made here: needs root and CAP_SYS_ADMIN")

    def test_zombies_are_reaped(self):
        db = self.lab.database()
        # Orphans come to process 1 when their parent ends; each must be gone, not a zombie.
        text = ("for i in 1 2 3 4 5; do (setsid sleep 0.1 &) ; done; sleep 1; "
                "cat /proc/[0-9]*/status | grep '^State' | grep -c Z; "
                "cat /proc/1/comm; true")
        run = self.deploy(self.plan(db, sh(text)), under=self.UNDER)
        self.ends(run, 0, "applied")
        self.assertEqual([text for _, text in self.lines(run)], ["0", "postlude"])

    def test_told_to_stop(self):
        db = self.lab.database()
        mark = self.mark()
        plan = self.plan(db, sh(f"echo $$ > {mark}; sleep 300"))
        process = self.lab.start_run("run", "--json", plan=plan, event=self.lab.event(),
                                     under=self.UNDER)
        self.started(mark)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as stream:
            first = int(stream.read().split()[0])
        os.kill(first, signal.SIGTERM)
        run = self.lab.finish(process)
        self.ends(run, 7, "interrupted")
        self.assertEqual(self.row(db)["state"], "failed")


if __name__ == "__main__":
    main()
