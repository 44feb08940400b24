"""Logins with a secret of Secrets Manager, and hosts in Parameter Store."""

import secrets
import signal
import time

from case import ORDERS, ORDER_IDS, main
from login_case import LoginCase, setUpModule, slow  # noqa: F401
from relay import Relay

PASSWORD = "p@ss'w\"ord %{}$\\é;#&=: in the secret"


class Secrets(LoginCase):
    """database.secret"""

    def login(self, name="migrator"):
        """The JSON of a secret as Secrets Manager makes it, without a host."""
        return {"username": name, "password": self.lab.passwords[name]}

    def role(self):
        """A role of its own, whose password may be changed."""
        name = f"rotated_{secrets.token_hex(4)}"
        self.lab.role(name, PASSWORD + secrets.token_hex(4), "in role orders_owner")
        return name

    def rotate(self, role, secret):
        """Gives the role another password, and the secret with it."""
        new = PASSWORD + secrets.token_hex(8)
        self.lab.psql(f"alter role {role} password " + " E'" + new.replace("\\", "\\\\")
                      .replace("'", "\\'") + "'")
        self.lab.passwords[role] = new
        self.aws.put_secret(secret, self.login(role))

    def meanwhile(self, change):
        """Has `change` called behind the first answer of Secrets Manager."""
        service, ask = self.aws.secretsmanager, self.aws.secretsmanager.get_secret_value
        left = [change]

        def answer(call, values):
            found = ask(call, values)
            if left:
                left.pop()()
            return found
        service.get_secret_value = answer
        self.addCleanup(delattr, service, "get_secret_value")

    def test_every_way_to_name_it(self):
        arn = self.aws.put_secret("ledger/every", self.login())
        wrapped = self.aws.put_secret("ledger/wrapped", {
            "username": "nobody", "password": "not this one",
            "db": self.login(), "pw": self.lab.passwords["migrator"]})
        plain = self.aws.put_secret("ledger/plain", self.lab.passwords["migrator"])
        binary = self.aws.put_secret("ledger/binary", self.lab.passwords["migrator"].encode())
        elsewhere = self.aws.put_secret("ledger/elsewhere", self.login(), region="us-east-1")
        for secret, user in ((arn, None), ("ledger/every", None), (f"{arn}:password::", None),
                             (f"{arn}:password:AWSCURRENT:", "migrator"), (f"{wrapped}:db::", None),
                             ("ledger/wrapped:pw::", "migrator"), (plain, "migrator"),
                             (binary, "migrator"), (elsewhere, None)):
            with self.subTest(secret):
                db = self.lab.database()
                before = self.asked()
                run = self.run_it(self.plan(ORDERS, db, secret=secret, user=user))
                report = self.ends(run, 0, "applied")
                self.assertEqual(report["database"]["user"], "migrator")
                self.assertEqual(self.asked(), before + 1, "more than one question")

    def test_through_the_pooler_by_a_variable(self):
        db = self.lab.database()
        arn = self.aws.put_secret("ledger/pooled", self.login())
        plan = self.plan(ORDERS, db, secret="${DB_SECRET_ARN}", user=None)
        run = self.run_it(plan, port=self.lab.pooler,
                          env={"DB_SECRET_ARN": arn, "POSTLUDE_LOG_LEVEL": "debug"})
        self.ends(run, 0, "applied")
        run = self.run_it(plan, port=self.lab.pooler, env={"DB_SECRET_ARN": arn})
        self.ends(run, 0, "nothing")

    def test_everything_is_in_the_secret(self):
        db = self.lab.database()
        for port in (self.lab.direct, str(self.lab.direct)):
            arn = self.aws.put_secret("ledger/whole", {
                **self.login(), "engine": "postgres", "host": "127.0.0.1", "port": port,
                "dbname": db, "masterarn": "arn:aws:x", "dbClusterIdentifier": "c"})
            plan = self.plan(ORDERS, db, host=None, port=None, name=None, user=None, secret=arn)
            run = self.run_it(plan, env={"DB_HOST": None, "DB_PORT": None})
            self.assertEqual(run.code, 0, run)
            self.assertEqual({"host": "127.0.0.1", "port": self.lab.direct, "name": db,
                              "user": "migrator"}.items() - run.report["database"].items(), set())
            warned = [line for line in run.log if line["level"] == "warn"]
            self.assertEqual(len(warned), 1, run)
            self.assertIn("the host comes from the secret", warned[0]["msg"])

    def test_the_secrets_host_never_overrides(self):
        db = self.lab.database()
        arn = self.aws.put_secret("ledger/instance", {
            **self.login(), "host": "instance.invalid", "port": 1, "dbname": "other"})
        self.ends(self.run_it(self.plan(ORDERS, db, secret=arn, user=None)), 0, "applied")

    def test_other_verbs(self):
        db = self.lab.database()
        arn = self.aws.put_secret("ledger/verbs", self.login())
        plan = self.plan({**ORDERS, "0004_wrong.sql": "select 1/0;\n"}, db, secret=arn, user=None)
        run = self.run_it(plan)
        self.ends(run, 1, "failed")
        how = {"plan": plan, "env": {"DB_PASSWORD": None}, "port": self.lab.direct}
        status = self.lab.run("status", **how)
        self.assertEqual(status.code, 0, status)
        self.assertEqual(len(status.report["migrations"]), 4, status)
        changed = plan.replace("postlude.yaml", "0001_create_orders.sql")
        with open(changed, "a", encoding="utf-8") as stream:
            stream.write("-- changed\n")
        resolved = self.lab.run("resolve", "0001_create_orders", "--accept", "--reason", "a comment",
                                **how)
        self.assertEqual(resolved.code, 0, resolved)

    def test_read_once_more_when_the_password_was_just_changed(self):
        db = self.lab.database()
        role = self.role()
        self.aws.put_secret("ledger/late", {"username": role, "password": "the one before it"})
        self.meanwhile(lambda: self.aws.put_secret("ledger/late", self.login(role)))
        self.lab.psql(f"grant create on database {db} to {role}")
        run = self.run_it(self.plan(ORDERS, db, secret="ledger/late", user=None))
        self.ends(run, 0, "applied")
        self.assertEqual(self.asked(), 2, run)
        self.assertIn("the secret has another one by now", run.err)

    def test_another_user_by_turns(self):
        db = self.lab.database()
        role = self.role()
        self.lab.psql(f"grant create on database {db} to {role}")
        self.aws.put_secret("ledger/turns", {"username": "migrator", "password": "worn out by now"})
        self.meanwhile(lambda: self.aws.put_secret("ledger/turns", self.login(role)))
        run = self.run_it(self.plan(ORDERS, db, secret="ledger/turns", user=None))
        self.assertEqual(self.ends(run, 0, "applied")["database"]["user"], role)

    def test_read_once_more_and_no_more(self):
        db = self.lab.database()
        arn = self.aws.put_secret("ledger/wrong", {"username": "migrator",
                                                   "password": "not the password"})
        run = self.run_it(self.plan(ORDERS, db, secret=arn, user=None))
        error = self.says(run, 'password authentication failed for user "migrator"', arn,
                          "says the same as before (version ", "RDS Proxy")
        self.assertEqual(error["sqlstate"], "28P01")
        self.assertEqual(self.asked(), 2, run)
        self.aws.clear()
        self.meanwhile(lambda: self.aws.put_secret("ledger/wrong", {
            "username": "migrator", "password": "not the password either"}))
        run = self.run_it(self.plan(ORDERS, db, secret=arn, user=None))
        self.says(run, "password authentication failed", "what it says now is refused, too")
        self.assertEqual(self.asked(), 2, run)
        self.assertFalse(self.lab.has_ledger(db))

    def test_a_rotation_while_a_check_waits(self):
        role, db = self.role(), self.lab.database()
        self.aws.put_secret("ledger/gate", self.login(role))
        plan = self.plan(ORDERS, db, secret="ledger/gate", user=None)
        process = self.lab.start_run("check", "--json", "--wait", "60s", plan=plan,
                                     env={"DB_PASSWORD": None}, port=self.lab.direct)
        self.assertIn(b"looking again for", process.stderr.readline())
        self.rotate(role, "ledger/gate")
        self.ends(self.run_it(self.plan(ORDERS, db, secret="ledger/gate", user=None)), 0, "applied")
        self.ends(self.lab.finish(process), 0, "nothing")

    def test_a_rotation_in_the_middle_of_a_run(self):
        db = self.lab.database()
        role = self.role()
        self.lab.psql(f"grant create on database {db} to {role}")
        self.aws.put_secret("ledger/mid", self.login(role))
        files = {"0001_a.sql": "create table a (n int);\n", "0002_slow.sql": slow(4),
                 "0003_b.sql": "insert into a values (3);\n"}
        process = self.start_it(self.plan(files, db, secret="ledger/mid", user=None, wait="20s"))
        self.working(db)
        self.rotate(role, "ledger/mid")
        self.cut(db)
        run = self.lab.finish(process)
        self.ends(run, 0, "applied")
        self.assertEqual(self.lab.value("select array_agg(n) from a", db), "{3}")
        self.assertEqual(self.asked(), 2, run)

    def test_a_rotation_before_a_second_connection(self):
        db = self.lab.database()
        role = self.role()
        self.lab.psql(f"grant create on database {db} to {role}")
        self.aws.put_secret("ledger/guard", self.login(role))
        files = {"0001_a.sql": "create table a (n int);\n", "0002_slow.sql": slow(3),
                 "0003_index.sql": "create index concurrently a_n on a (n);\n"}
        # The guard is a connection more, and so is the command's.
        step = {"id": "seed", "command": ["sh", "-c", f"{self.lab.server.programs}/psql -XqAt -c "
                                          "'insert into a values (1)'; echo $PGPASSWORD"]}
        plan = self.plan(files, db, secret="ledger/guard", user=None, role=None,
                         plan={"migrations": [*files, step]})
        process = self.start_it(plan)
        self.working(db)
        self.rotate(role, "ledger/guard")
        run = self.lab.finish(process)
        self.ends(run, 0, "applied")
        self.assertEqual(self.lab.value("select array_agg(n) from a", db), "{1}", run)
        self.assertEqual(self.asked(), 2, run)
        self.assertIn("***", run.err)

    def test_a_stop_while_asking(self):
        db = self.lab.database()
        self.aws.put_secret("ledger/hangs", self.login())
        self.aws.fail("hang", times=9, where="secretsmanager")
        process = self.start_it(self.plan(ORDERS, db, secret="ledger/hangs", user=None))
        end = time.monotonic() + 10
        while not self.asked("credentials") and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.ends(self.lab.finish(process), 7, "interrupted")
        self.assertLess(time.monotonic() - began, 5)

    def test_trouble_that_passes(self):
        db = self.lab.database()
        self.aws.put_secret("ledger/passing", self.login())
        self.aws.fail("ThrottlingException", times=4, where="secretsmanager")
        plan = self.plan(ORDERS, db, secret="ledger/passing", user=None, wait="60s")
        run = self.run_it(plan)
        self.ends(run, 0, "applied")
        self.assertEqual(self.asked(), 5, run)
        self.assertIn("trying again for", run.err)


# code, part of the hint
FINAL = [("AccessDeniedException", "secretsmanager:GetSecretValue"),
         ("ResourceNotFoundException", "has no arn:aws:secretsmanager:"),
         ("InvalidParameterException", "compare database.secret"),
         ("InvalidRequestException", "restore-secret"),
         ("DecryptionFailure", "kms:Decrypt"),
         ("UnrecognizedClientException", "AWS_ACCESS_KEY_ID"),
         ("InvalidSignatureException", "clock")]
PASSING = [("ThrottlingException", "spread the runs"), ("InternalServiceError", "try again")]


class SecretFailures(LoginCase):
    """What is told when a secret is not to be had."""

    def setUp(self):
        super().setUp()
        self.arn = self.aws.put_secret("ledger/failures", {
            "username": "migrator", "password": self.lab.passwords["migrator"]})

    def fails(self, message, *hints, secret=None, env=None):
        plan = self.plan(ORDERS, "postgres", secret=secret or self.arn, user=None, wait="0s")
        run = self.run_it(plan, env=env or {})
        error = self.says(run, message, *hints)
        self.assertRegex(f"{error['file'] or ''}{run.err}", "postlude.yaml")
        return error

    def test_what_is_refused_for_good(self):
        for code, hint in FINAL:
            with self.subTest(code):
                self.aws.clear()
                self.aws.fail(code, times=2, where="secretsmanager")
                self.fails(f'secret "{self.arn}" could not be used', hint)
                self.assertEqual(self.asked(), 1)

    def test_what_passes_but_not_in_time(self):
        for code, hint in PASSING:
            with self.subTest(code):
                self.aws.clear()
                self.aws.fail(code, times=9, where="secretsmanager")
                self.fails("gave up after 3 attempts", hint)

    def test_credentials_that_ran_out(self):
        self.aws.fail("ExpiredTokenException", where="secretsmanager")
        db = self.lab.database()
        self.ends(self.run_it(self.plan(ORDERS, db, secret=self.arn, user=None)), 0, "applied")
        self.aws.fail("ExpiredTokenException", times=2, where="secretsmanager")
        self.fails("ExpiredTokenException", "AWS_SESSION_TOKEN")

    def test_a_right_that_is_missing(self):
        self.aws.deny("secretsmanager:GetSecretValue")
        self.fails("is not authorized to perform: secretsmanager:GetSecretValue",
                   f"Allow secretsmanager:GetSecretValue on {self.arn} to the task role")

    def test_a_secret_that_is_being_deleted(self):
        self.aws.put_secret("ledger/gone", "x")
        self.aws.delete_secret("ledger/gone")
        self.fails("marked for deletion", "restore-secret", secret="ledger/gone")

    def test_a_secret_that_is_not_there(self):
        self.fails("ResourceNotFoundException", "in eu-west-3 has no ledger/nowhere",
                   secret="ledger/nowhere")
        self.fails("staging label", "AWSCURRENT", secret=f"{self.arn}::AWSPENDING:")

    def test_no_way_to_the_service(self):
        self.fails(f'secret "{self.arn}" could not be used', "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                   env={"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:1"})
        for kind in ("html", "empty", "close"):
            with self.subTest(kind):
                self.aws.fail(kind, times=9, where="secretsmanager")
                self.fails(f'secret "{self.arn}" could not be used')
                self.aws.clear()

    def test_no_credentials(self):
        self.fails("no AWS credentials", "taskRoleArn",
                   env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": None,
                        "AWS_EC2_METADATA_DISABLED": "true"})

    def test_no_password_in_it(self):
        self.aws.put_secret("ledger/keys", {"username": "migrator", "pw": "never to be shown"})
        self.fails('no key "password"; its keys are: username, pw', ":KEY::", secret="ledger/keys")
        self.fails('no key "pass"; its keys are: username, pw', secret="ledger/keys:pass::")
        self.aws.put_secret("ledger/keys", '{"password": "never to be shown"')
        run = self.run_it(self.plan(ORDERS, "postgres", secret="ledger/keys", wait="0s"))
        self.says(run, "password authentication failed", "ledger/keys")

    def test_what_the_plan_and_the_secret_leave_open(self):
        for drop, member in (("host", "host"), ("name", "dbname")):
            plan = self.plan(ORDERS, "postgres", secret=self.arn, user=None, **{drop: None})
            run = self.run_it(plan)
            error = self.ends(run, 2, "invalid")["error"]
            self.assertEqual(error["message"],
                             f'"database.{drop}" is missing, and the secret has no "{member}"')


class ParameterStore(LoginCase):
    """database.host: ssm:..."""

    def by_parameter(self, name, **more):
        db = self.lab.database()
        return self.lab.run("run", event=self.lab.event(), port=self.lab.direct,
                            plan=self.lab.plan(ORDERS, db, database={"host": f"ssm:{name}",
                                                                     "wait": "0s"}, **more))

    def test_reads_the_host(self):
        self.aws.put_parameter("/ledger/host", "not.this.one")
        arn = self.aws.put_parameter("/ledger/host", "127.0.0.1", label="live")
        # Too short to be looked for as a secret.
        self.aws.put_parameter("/ledger/sealed", "127.1\n", type="SecureString")
        for name in ("/ledger/host", "/ledger/host:2", "/ledger/host:live", arn, "/ledger/sealed"):
            with self.subTest(name):
                report = self.ends(self.by_parameter(name), 0, "applied")
                self.assertEqual(report["database"]["host"],
                                 "127.1" if "sealed" in name else "127.0.0.1")
                self.assertEqual([step["id"] for step in report["applied"]], ORDER_IDS)
        self.assertEqual(self.asked("ssm"), 5)

    def test_failures(self):
        self.says(self.by_parameter("/ledger/nowhere"), 'parameter "/ledger/nowhere" could not be '
                  "read", "Parameter Store in eu-west-3 has no /ledger/nowhere")
        self.aws.put_parameter("/ledger/denied", "127.0.0.1")
        self.says(self.by_parameter("/ledger/denied:9"), "ParameterVersionNotFound", "version")
        self.aws.deny("ssm:GetParameter")
        self.says(self.by_parameter("/ledger/denied"), "AccessDeniedException",
                  "Allow ssm:GetParameter on /ledger/denied to the task role")
        self.aws.clear()
        for code, hint in (("InvalidKeyId", "KMS key"), ("InternalServerError", "try again"),
                           ("ThrottlingException", "spread the runs")):
            with self.subTest(code):
                self.aws.fail(code, times=3, where="ssm")
                self.says(self.by_parameter("/ledger/denied"), code, hint)
                self.aws.clear()

    def test_what_is_no_host(self):
        self.aws.put_parameter("/ledger/odd", "127.0.0.1:5432")
        error = self.ends(self.by_parameter("/ledger/odd"), 2, "invalid")["error"]
        self.assertIn('is not one host name: "127.0.0.1:5432"', error["message"])
        self.assertIn("database.port", error["hint"])
        password = "open sesame:5432"
        self.aws.hide(password)  # looked for in all that the run says
        self.aws.put_parameter("/ledger/password", password, "SecureString")
        self.ends(self.by_parameter("/ledger/password"), 2, "invalid")

    def test_beside_a_secret(self):
        self.aws.put_parameter("/ledger/beside", "127.0.0.1")
        arn = self.aws.put_secret("ledger/beside", {
            "username": "migrator", "password": self.lab.passwords["migrator"]})
        db = self.lab.database()
        plan = self.plan(ORDERS, db, host="ssm:/ledger/beside", secret=arn, user=None)
        self.ends(self.run_it(plan), 0, "applied")

    def test_read_once(self):
        self.aws.put_parameter("/ledger/once", "127.0.0.1")
        db = self.lab.database()
        with Relay(self.lab.direct) as relay:
            plan = self.lab.plan({"0001_slow.sql": slow(2)}, db,
                                 database={"host": "ssm:/ledger/once", "wait": "10s"})
            process = self.lab.start_run("run", "--json", plan=plan, event=self.lab.event(),
                                         port=relay.port)
            self.working(db)
            relay.cut()
            self.ends(self.lab.finish(process), 0, "applied")
        self.assertEqual(self.asked("ssm"), 1)


if __name__ == "__main__":
    main()
