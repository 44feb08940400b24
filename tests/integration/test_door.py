"""The lab's door itself: who has a token made by botocore gets in, and nobody else.

Without postlude: what is tested is what the tests of IAM logins measure with.
"""

import re
import subprocess
from datetime import timedelta
from urllib.parse import quote

from aws_case import share_aws_lab
from case import LabCase, main

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session

PAM = 'PAM authentication failed for user "migrator"'


def setUpModule():  # pylint: disable=invalid-name
    share_aws_lab(pooler=False)


class DoorCase(LabCase):
    """Each test has a door of its own, and botocore's clients of it."""

    def setUp(self):
        self.aws = self.lab.aws
        self.aws.clear()
        self.aws.clock_offset = timedelta(0)
        self.door = self.lab.door()

    def credentials(self, temporary=False):
        env = self.aws.static_environment()
        if not temporary:
            return Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        key = self.aws.keys.temporary("arn:aws:sts::210987654321:assumed-role/lab/x",
                                      self.aws.now())
        return Credentials(key.access_key_id, key.secret, key.token)

    def token(self, host="127.0.0.1", port=None, user="migrator", region="eu-west-3",
              credentials=None):
        """As `aws rds generate-db-auth-token` makes it."""
        found = credentials or self.credentials()
        client = Session().create_client(
            "rds", region_name=region, aws_access_key_id=found.access_key,
            aws_secret_access_key=found.secret_key, aws_session_token=found.token)
        return client.generate_db_auth_token(host, port or self.door.port, user)

    def start(self, token, user="migrator", sslmode="verify-full", host="127.0.0.1",
              sql="select current_user"):
        """psql, started at the door."""
        return subprocess.Popen(
            [f"{self.lab.server.programs}/psql", "-XqAtc", sql], cwd="/", text=True, env={
                "PGHOST": host, "PGPORT": str(self.door.port), "PGUSER": user,
                "PGDATABASE": "postgres", "PGPASSWORD": token, "PGSSLMODE": sslmode,
                "PGSSLROOTCERT": self.lab.ca_file, "PGCONNECT_TIMEOUT": "10"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def opens(self, token, **how):
        out, err = self.start(token, **how).communicate(timeout=60)
        self.assertEqual(err, "")
        return out.strip()

    def stays_shut(self, message, token, **how):
        """psql is told message, and we why."""
        out, err = self.start(token, **how).communicate(timeout=60)
        self.assertEqual(out, "")
        self.assertIn(f"FATAL:  {message}", err)
        return self.door.refusals[-1]


class Open(DoorCase):
    """Who gets in."""

    def test_tokens_of_botocore(self):
        for temporary in (False, True):
            token = self.token(credentials=self.credentials(temporary))
            self.assertEqual(self.opens(token), "migrator")
            self.assertEqual(self.opens(token, sslmode="require"), "migrator", "it is good twice")
        self.assertEqual(self.door.tokens[-1], token)
        self.assertEqual(self.door.refusals, [])
        self.assertIn(token[-64:], self.aws.secrets())

    def test_another_name_and_user(self):
        odd = "deploy bot+ops@corp/x~y"
        self.lab.psql(f'create role "{odd}" login')
        self.door = self.lab.door(users=("app", odd), host="LocalHost")
        for user in ("app", odd):
            self.assertEqual(self.opens(self.token("localhost", user=user), user=user,
                                        host="localhost"), user)

    def test_a_session_outlives_its_token(self):
        process = self.start(self.token(), sql="select pg_sleep(1), 'done'")
        self.busy(1)
        self.aws.clock_offset = timedelta(hours=24)
        self.assertEqual(process.communicate(timeout=30)[0].strip(), "|done")

    def test_much_in_both_directions(self):
        size = 20_000_000
        text = self.opens(self.token(), sql=f"select repeat('x', {size})")
        self.assertEqual(len(text), size)

    def test_cancelling(self):
        process = self.start(self.token(), sql="select pg_sleep(30)")
        self.busy(1)
        process.send_signal(2)
        self.assertIn("canceling statement due to user request",
                      process.communicate(timeout=20)[1])

    def test_cutting(self):
        process = self.start(self.token(), sql="select pg_sleep(30)")
        self.busy(1)
        self.door.cut()
        self.assertIn("connection to server was lost", process.communicate(timeout=20)[1])
        self.assertEqual(self.opens(self.token()), "migrator")
        self.lab.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                      "where usename = 'migrator'")

    def busy(self, count):
        """Waits until so many of the migrator's sessions sleep."""
        self.lab.wait_for("postgres", "select count(*) from pg_stat_activity where usename = "
                          "'migrator' and wait_event = 'PgSleep'", str(count))


class Shut(DoorCase):
    """Who does not."""

    def test_other_places(self):
        self.assertIn("not for", self.stays_shut(PAM, self.token("localhost")))
        self.assertIn("not for", self.stays_shut(PAM, self.token(port=5432)))
        self.assertIn("eu-central-1", self.stays_shut(PAM, self.token(region="eu-central-1")))

    def test_other_users(self):
        self.assertIn("is for user app", self.stays_shut(PAM, self.token(user="app")))
        self.stays_shut('password authentication failed for user "app"', self.token(user="app"),
                        user="app")

    def test_time(self):
        token = self.token()
        for seconds, opens in ((890, True), (910, False), (-290, True), (-310, False)):
            self.aws.clock_offset = timedelta(seconds=seconds)
            if opens:
                self.opens(token)
            else:
                self.assertIn("the token is of", self.stays_shut(PAM, token))

    def test_credentials(self):
        wrong = self.credentials()
        wrong.secret_key = "wrong/secret"
        self.assertIn("does not match", self.stays_shut(PAM, self.token(credentials=wrong)))
        self.assertIn("invalid", self.stays_shut(PAM, self.token(
            credentials=Credentials("AKIANOBODY", "wrong/secret"))))
        temporary = self.credentials(temporary=True)
        self.assertIn("invalid", self.stays_shut(PAM, self.token(
            credentials=Credentials(temporary.access_key, temporary.secret_key))))
        token = self.token(credentials=temporary)
        self.opens(token)
        self.aws.expire()
        self.assertIn("is expired", self.stays_shut(PAM, token))

    def test_tokens_that_were_changed(self):
        token = self.token()
        for changed in (token.replace("X-Amz-Expires=900", "X-Amz-Expires=901"),
                        token.replace("X-Amz-Expires=900", "X-Amz-Expires=899"),
                        token.replace("Action=connect", "Action=describe"),
                        token.replace("/?", "?"), "https://" + token, token + "&a=b",
                        re.sub("X-Amz-Signature=.", "X-Amz-Signature=g", token), "", "secret"):
            process = self.start(changed)
            self.assertIn("FATAL:  PAM" if changed else "no password supplied",
                          process.communicate(timeout=60)[1], changed)

    def signed(self, query, lifetime):
        """A token whose query begins as given, signed as it stands."""
        stamp = f"{self.aws.now():%Y%m%dT%H%M%SZ}"
        signer = SigV4Auth(self.credentials(), "rds-db", "eu-west-3")
        request = AWSRequest("GET", "https://to.be.replaced")
        request.context["timestamp"] = stamp
        request.url = (f"https://{self.door.place}/?{query}&X-Amz-Algorithm=AWS4-HMAC-SHA256"
                       f"&X-Amz-Credential={quote(signer.scope(request), safe='')}"
                       f"&X-Amz-Date={stamp}&X-Amz-Expires={lifetime}&X-Amz-SignedHeaders=host")
        text = signer.string_to_sign(request, signer.canonical_request(request))
        return (request.url.removeprefix("https://")
                + f"&X-Amz-Signature={signer.signature(text, request)}")

    def test_what_else_could_be_signed(self):
        self.assertEqual(self.opens(self.signed("Action=connect&DBUser=migrator", 900)), "migrator")
        for user, lifetime, words in (("migrator", 3600, "X-Amz-Expires is 3600"),
                                      ("migrator", 0, "X-Amz-Expires is 0"),
                                      # A blank is %20 there.
                                      ("mig+rator", 900, "does not match")):
            with self.subTest(f"{user} {lifetime}"):
                token = self.signed(f"Action=connect&DBUser={user}", lifetime)
                self.assertIn(words, self.stays_shut(PAM, token))

    def test_without_tls(self):
        self.stays_shut('no pg_hba.conf entry for host "127.0.0.1", user "migrator", database '
                        '"postgres", no encryption', self.token(), sslmode="disable")
        self.assertEqual(self.door.tokens, [])

    def test_denied(self):
        self.aws.deny("rds-db:connect")
        self.assertIn("rds-db:connect", self.stays_shut(PAM, self.token()))

    def test_words_of_a_proxy(self):
        self.door.proxy = True
        self.assertEqual(self.opens(self.token()), "migrator")
        self.stays_shut("The IAM authentication failed for the role migrator. Check the IAM token "
                        "for this role and try again.", "secret")
        self.stays_shut("This RDS proxy has no credentials for the role app.", "x", user="app")
        self.stays_shut("This RDS Proxy requires TLS connections.", "x", sslmode="disable")
        self.door.busy = 1
        self.stays_shut("The IAM authentication failed because of too many competing requests.",
                        self.token())
        self.opens(self.token())

    def test_stopped(self):
        self.door.stop()
        self.assertIn("refused", self.start("x").communicate(timeout=60)[1])

    def test_nothing_is_left_open_beside_it(self):
        # The server takes our word for who we are, over its socket, and nobody's over TCP.
        self.door.port = self.lab.direct
        self.assertIn("password authentication failed", self.start("x").communicate(timeout=60)[1])
        self.assertEqual(self.lab.psql("select 1", user="migrator"), "1")


if __name__ == "__main__":
    main()
