"""Logins by a token of RDS IAM, at a door that looks at each token as RDS does."""

import datetime
import re
import time
import types
import urllib.parse

import botocore.auth
import botocore.session

from case import ORDERS, ORDER_IDS, main
from login_case import LoginCase, setUpModule, slow  # noqa: F401


def parameter(token, name):
    """A parameter of a token's query."""
    return dict(urllib.parse.parse_qsl(token.partition("?")[2]))[name]


class Tokens(LoginCase):
    """database.iam"""

    def setUp(self):
        super().setUp()
        self.door = self.lab.door()
        self.addCleanup(self.door.stop)
        self.addCleanup(setattr, self.aws, "clock_offset", datetime.timedelta(0))
        self.db = self.lab.database()

    def by_token(self, files=None, **database):
        return self.plan(ORDERS if files is None else files, self.db, iam=True, **database)

    def run_it(self, plan, **how):
        run = super().run_it(plan, **{"port": self.door.port, **how})
        self.seen_nowhere(run)
        return run

    def seen_nowhere(self, run):
        """No token of the door's, and no part of one, stands in what a run said."""
        for token in self.door.tokens:
            for part in (token, parameter(token, "X-Amz-Signature") if "Signature" in token else token):
                self.assertNotIn(part, run.out + run.err)

    def refused(self, message, *hints, **database):
        run = self.run_it(self.by_token(wait="0s", **database))
        error = self.says(run, message, *hints)
        self.assertFalse(self.lab.has_ledger(self.db))
        return error

    def botocore_token(self, token, user="migrator"):
        """What botocore signs with the same credentials at the same moment."""
        moment = datetime.datetime.strptime(parameter(token, "X-Amz-Date"), "%Y%m%dT%H%M%SZ")

        class Frozen(datetime.datetime):
            """A clock that stands still."""
            @classmethod
            def utcnow(cls):
                return moment

            @classmethod
            def now(cls, tz=None):
                return moment.replace(tzinfo=tz)

        key = self.aws.keys.known()[parameter(token, "X-Amz-Credential").partition("/")[0]]
        real = botocore.auth.datetime
        botocore.auth.datetime = types.SimpleNamespace(datetime=Frozen, timezone=datetime.timezone)
        try:
            client = botocore.session.get_session().create_client(
                "rds", region_name=self.aws.region, aws_access_key_id=key.access_key_id,
                aws_secret_access_key=key.secret, aws_session_token=key.token)
            return client.generate_db_auth_token("127.0.0.1", self.door.port, user)
        finally:
            botocore.auth.datetime = real

    def test_is_botocores_token(self):
        run = self.run_it(self.by_token(), env={"POSTLUDE_LOG_LEVEL": "debug"})
        self.ends(run, 0, "applied")
        self.assertTrue(self.door.tokens)
        for token in self.door.tokens:
            self.assertEqual(token, self.botocore_token(token))
            self.assertTrue(token.startswith(f"127.0.0.1:{self.door.port}/?Action=connect&"))

    def test_with_a_key_of_a_user(self):
        env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": None, **self.aws.static_environment()}
        self.ends(self.run_it(self.by_token(), env=env), 0, "applied")
        self.assertNotIn("Security-Token", self.door.tokens[0])
        self.assertEqual(self.door.tokens[0], self.botocore_token(self.door.tokens[0]))

    def test_a_user_that_has_to_be_encoded(self):
        name = "deploy bot+ops@corp/x~y=&é"
        self.lab.psql(f'create role "{name}" login in role orders_owner; '
                      f'grant create on database {self.db} to "{name}"')
        door = self.lab.door(users=(name,))
        self.addCleanup(door.stop)
        run = self.run_it(self.by_token(user=name), port=door.port)
        self.assertEqual(self.ends(run, 0, "applied")["database"]["user"], name)

    def test_through_a_proxy(self):
        self.door.proxy = True
        self.door.busy = 2
        run = self.run_it(self.by_token())
        self.ends(run, 0, "applied")
        self.assertEqual(len(self.door.tokens), 3)
        self.assertIn("too many IAM logins at once", run.err)

    def test_status_and_resolve(self):
        plan = self.by_token({**ORDERS, "0004_wrong.sql": "select 1/0;\n"})
        self.ends(self.run_it(plan), 1, "failed")
        how = {"plan": plan, "env": {"DB_PASSWORD": None}, "port": self.door.port}
        status = self.lab.run("status", **how)
        self.assertEqual(status.code, 0, status)
        with open(plan.replace("postlude.yaml", "0001_create_orders.sql"), "a",
                  encoding="utf-8") as stream:
            stream.write("-- changed\n")
        resolved = self.lab.run("resolve", "0001_create_orders", "--accept", "--reason", "a comment",
                                **how)
        self.assertEqual(resolved.code, 0, resolved)
        for run in (status, resolved):
            self.seen_nowhere(run)

    def test_a_check_signs_for_each_look(self):
        plan = self.by_token()
        process = self.lab.start_run("check", "--json", "--wait", "60s", plan=plan,
                                     env={"DB_PASSWORD": None}, port=self.door.port)
        time.sleep(3)
        looks = {parameter(token, "X-Amz-Date") for token in self.door.tokens}
        self.assertGreater(len(looks), 1, "one token for all")
        self.ends(self.run_it(plan), 0, "applied")
        run = self.lab.finish(process)
        self.ends(run, 0, "nothing")
        self.seen_nowhere(run)

    def test_a_new_token_for_each_connection(self):
        # Lost in the middle, a guard beside it, and a command that logs in by itself.
        psql = f"{self.lab.server.programs}/psql -XqAt"
        shows = ("echo \"p=$PGPASSWORD\"; echo \"u=$DATABASE_URL\"; "
                 f"{psql} -c 'insert into a values (1)'; "
                 f"env -u PGHOST -u PGPORT -u PGUSER -u PGPASSWORD {psql} \"$DATABASE_URL\" "
                 "-c 'insert into a values (2)'")
        files = {"0001_a.sql": "create table a (n int);\n", "0002_slow.sql": slow(4),
                 "0003_index.sql": "create index concurrently a_n on a (n);\n"}
        step = {"id": "seed", "command": ["sh", "-ec", shows]}
        process = self.start_it(self.by_token(files, role=None, plan={"migrations": [*files, step]}),
                                port=self.door.port)
        self.working(self.db)
        self.cut(self.db)
        run = self.lab.finish(process)
        self.ends(run, 0, "applied")
        self.seen_nowhere(run)
        self.assertEqual(self.lab.value("select array_agg(n order by n) from a", self.db), "{1,2}")
        said = [line["msg"] for line in run.log if line.get("stream")]
        self.assertEqual(said[0], "p=***", run)
        self.assertRegex(said[1], r"^u=postgresql://migrator:\*\*\*@127\.0\.0\.1:", run)
        moments = {parameter(token, "X-Amz-Date") for token in self.door.tokens}
        self.assertGreaterEqual(len(self.door.tokens), 5, "worker, worker again, guard, command")
        self.assertGreater(len(moments), 1, "one token for all")
        self.assertEqual(self.door.refusals, [])
        # The credentials, though, were read once.
        self.assertEqual(self.asked("credentials"), 1)

    def test_credentials_that_were_withdrawn_meanwhile(self):
        files = {"0001_slow.sql": slow(4), "0002_a.sql": "create table a ();\n"}
        process = self.start_it(self.by_token(files), port=self.door.port)
        self.working(self.db)
        self.aws.expire()
        self.cut(self.db)
        run = self.lab.finish(process)
        self.ends(run, 0, "applied")
        self.seen_nowhere(run)
        self.assertEqual(len(self.door.refusals), 1, self.door.refusals)
        self.assertEqual(self.asked("credentials"), 2)

    def test_a_user_without_the_role(self):
        self.door.users.clear()
        error = self.refused('password authentication failed for user "migrator"',
                             "GRANT rds_iam", "rds-db:connect", "prx-", "clock", "CNAME")
        self.assertEqual(error["sqlstate"], "28P01")

    def test_a_right_that_is_missing(self):
        self.aws.deny("rds-db:connect")
        self.refused('login by IAM failed for user "migrator"',
                     "rds-db:connect on arn:aws:rds-db:eu-west-3:ACCOUNT:dbuser:RESOURCE/migrator")
        self.door.proxy = True
        self.refused('login by IAM failed for user "migrator"', "prx-")

    def test_a_user_that_the_proxy_does_not_know(self):
        self.door.proxy = True
        self.door.users.clear()
        self.refused('the proxy does not know the user "migrator"', "authentication settings")

    def test_a_clock_that_is_wrong(self):
        # To the server a token of ours ran out long ago, or is not good yet.
        for hours in (2, -2):
            with self.subTest(hours):
                self.aws.clock_offset = datetime.timedelta(hours=hours)
                env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": None, **self.aws.static_environment()}
                run = self.run_it(self.by_token(wait="0s"), env=env)
                self.says(run, "login by IAM failed", "clock has to be right")
                self.assertRegex(self.door.refusals[-1], "token is of|ran out|expired")

    def test_an_alias_of_the_host(self):
        # Its certificate is good, but the token is for another name.
        self.refused("login by IAM failed", "database.host has to be the endpoint's own name",
                     host="localhost")

    def test_no_credentials(self):
        run = self.run_it(self.by_token(wait="0s"), env={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": None, "AWS_EC2_METADATA_DISABLED": "true"})
        self.says(run, "no token could be signed for the database's login: no AWS credentials",
                  "taskRoleArn")
        self.assertIn("postlude.yaml:", run.err)

    def test_credentials_that_come_late(self):
        self.aws.fail("503", times=9, where="credentials")
        run = self.run_it(self.by_token(wait="60s"))
        self.ends(run, 0, "applied")

    def test_no_region(self):
        run = self.run_it(self.by_token(wait="0s"), env={"AWS_REGION": None, "AWS_DEFAULT_REGION": None,
                                                       "AWS_EC2_METADATA_DISABLED": "true"})
        self.assertEqual(run.code, 2, run)
        self.assertIn("region", run.error["message"])

    def test_without_verified_tls(self):
        for tls in ("require", "verify-ca", "disable"):
            run = self.run_it(self.by_token(tls=tls))
            error = self.ends(run, 2, "invalid")["error"]
            self.assertEqual(error["message"], '"database.iam" needs "database.tls: verify-full"')
            self.assertTrue(re.search(r"postlude\.yaml", f"{error['file']}"), run)
        self.assertEqual(self.door.tokens, [])

    def test_many_runs_one_after_another(self):
        plan = self.by_token()
        began = time.monotonic()
        self.assertEqual([step["id"] for step in self.ends(self.run_it(plan), 0, "applied")["applied"]],
                         ORDER_IDS)
        for _ in range(3):
            self.ends(self.run_it(plan), 0, "nothing")
        self.assertLess(time.monotonic() - began, 20)


if __name__ == "__main__":
    main()
