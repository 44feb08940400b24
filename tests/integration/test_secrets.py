"""No password, key or token of ours is to be seen, while it runs or afterwards.

That no output holds one is part of every test: Lab.run looks for them.
"""


from aws_case import setUpModule  # noqa: F401
from case import ORDERS, LabCase, main
from lab import Lab, Leak, spellings


class Secrets(LabCase):
    """What others on the machine could read."""

    def test_proc(self):
        db = self.lab.database()
        plan = self.lab.plan({"0001_slow.sql": "select pg_sleep(3);\n"}, db)
        keys = {"AWS_ACCESS_KEY_ID": "AKIDPORTAGEEXAMPLE01",
                "AWS_SECRET_ACCESS_KEY": "portage/secret+key/EXAMPLE",
                "AWS_SESSION_TOKEN": "portage-session-token-EXAMPLE"}
        process = self.lab.start_run("run", "--json", plan=plan, event=self.lab.event(), env=keys)
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'",
                          "1")
        for name in ("cmdline", "environ"):
            with open(f"/proc/{process.pid}/{name}", "rb") as stream:
                text = stream.read()
            self.assertTrue(text)
            self.lab.check_secrets(f"/proc/PID/{name}", text)
            for key in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                self.assertNotIn(keys[key].encode(), text, name)
        seen = self.lab.value("select json_agg(to_json(a)) from pg_stat_activity a "
                              "where datname = current_database()", db)
        self.lab.check_secrets("pg_stat_activity", seen)
        run = self.lab.finish(process)
        for key in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            self.assertNotIn(keys[key], run.out + run.err)

    def test_errors_that_might_quote_it(self):
        password = self.lab.passwords["migrator"]
        self.lab.run("run", plan=self.lab.plan(ORDERS, "no_such_db"), event=self.lab.event())
        self.lab.run("run", "--log", "text", "--log-level", "debug", as_json=False,
                     plan=self.lab.plan(ORDERS, "no_such_db"), event=self.lab.event())
        for section in ({"database": {"port": "${DB_PASSWORD}"}},
                        {"database": {"tls": "${DB_PASSWORD}"}},
                        {"database": {"wait": "${DB_PASSWORD}"}}):
            with self.subTest(section):
                run = self.lab.run("run", event=self.lab.event(),
                                   plan=self.lab.plan(ORDERS, **section))
                self.assertEqual(run.code, 2, run)
        # A password that stands in the plan itself.
        plan = self.lab.plan(ORDERS, database={"password": password.replace("$", "$$"),
                                               "pasword": "x"})
        self.lab.run("validate", plan=plan)
        self.lab.run("run", plan=plan, event=self.lab.event())

    def test_debug_log(self):
        db = self.lab.database()
        for args in (["--log", "json"], ["--log", "text"]):
            run = self.lab.run("run", *args, "--log-level", "debug", as_json=False,
                               plan=self.lab.plan(ORDERS, db), event=self.lab.event())
            self.assertEqual(run.code, 0, run)

    def test_the_search_finds_one(self):
        # The instrument itself: every spelling is caught.
        for secret in self.lab.secrets():
            for form in spellings(secret):
                with self.assertRaises(Leak):
                    self.lab.check_secrets("here", b"before " + form + b" after")
        self.lab.check_secrets("here", "nothing in it")


if __name__ == "__main__":
    main()
