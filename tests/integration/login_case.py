"""What the tests of logins from AWS share."""


from aws_case import setUpModule  # noqa: F401
from case import LabCase


def slow(seconds, then=""):
    return f"select pg_sleep({seconds});\n{then}"


class LoginCase(LabCase):
    """A plan without a password, and what AWS was asked."""

    def setUp(self):
        self.aws.clear()

    @property
    def aws(self):
        return self.lab.aws

    def plan(self, files, db, **database):
        """A plan whose login is in `database`; None drops a key."""
        changes = database.pop("plan", {})
        return self.lab.plan(files, db, **changes,
                             database={"password": None, "wait": "10s", **database})

    def run_it(self, plan, **how):
        """A run that was not given the password; port is the server's, not the pooler's."""
        how.setdefault("port", self.lab.direct)
        how["env"] = {"DB_PASSWORD": None, **how.get("env", {})}
        return self.lab.run("run", plan=plan, event=self.lab.event(), **how)

    def start_it(self, plan, **how):
        """The same, begun."""
        how.setdefault("port", self.lab.direct)
        how["env"] = {"DB_PASSWORD": None, **how.get("env", {})}
        return self.lab.start_run("run", "--json", "--log", "json", plan=plan,
                                  event=self.lab.event(), **how)

    def asked(self, service="secretsmanager"):
        """How often that service was asked."""
        return len(self.aws.requests(service))

    def working(self, db):
        """Waits until a migration of a run sleeps in this database."""
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where wait_event = 'PgSleep' "
                              "and datname = current_database()", "1")

    def cut(self, db):
        """Ends the run's sessions there."""
        self.lab.psql("select pg_terminate_backend(pid) from pg_stat_activity where "
                      "application_name like 'postlude/%' and datname = current_database()", db)

    def says(self, run, message, *hints):
        """Asserts what a refused login is told with."""
        error = self.ends(run, 4, "unreachable")["error"]
        self.assertIn(message, error["message"], run)
        for hint in hints:
            self.assertIn(hint, error["hint"], run)
        return error
