"""Databases that cannot be reached, or not as they should be: a sentence and a hint for each."""

import threading

from case import ORDERS, ORDER_IDS, LabCase, main, setUpModule  # noqa: F401
from lab import dead_port


class Reach(LabCase):
    """Each way to fail before the first migration."""

    said = {}

    def unreachable(self, *words, code=4, outcome="unreachable", db=None, plan=None, port=None,
                    env=None, **database):
        """Runs against the pooler and directly; asserts sentence, hint and exit code."""
        plan = plan or self.lab.plan(ORDERS, db or "db_of_nobody", database=database)
        for place in [port] if port else [self.lab.pooler, self.lab.direct]:
            run = self.lab.run("run", plan=plan, event=self.lab.event(), port=place, env=env)
            report = self.ends(run, code, outcome)
            error = report["error"]
            self.assertRegex(error["hint"] or "", r"\.$", run)
            said = " ".join((report["summary"], error["message"], error["hint"])).lower()
            for word in words:
                self.assertIn(word.lower(), said, run)
            other = self.said.setdefault(error["message"], self.id())
            self.assertEqual(other, self.id(), f"two causes, one sentence: {error['message']}")

    def test_certificate_of_an_unknown_authority(self):
        db = self.lab.database()
        self.unreachable("certificate", "ca_file", db=db,
                         env={"DB_CA_FILE": self.lab.wrong_ca_file})
        # The system's bundle, which is the default, does not know ours either.
        self.unreachable("certificate", "ca_file", db=db, ca_file=None)

    def test_certificate_of_another_name(self):
        # PgBouncer also listens at 127.0.0.2, which its certificate does not name.
        self.unreachable("certificate", "127.0.0.2", db=self.lab.database(), port=self.lab.pooler,
                         host="127.0.0.2")

    def test_verify_ca_accepts_another_name(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db, database={"host": "127.0.0.2", "tls": "verify-ca"})
        self.applies(ORDER_IDS, plan=plan, event=self.lab.event())

    def test_ca_file_is_not_there(self):
        self.unreachable("/nowhere.pem", db=self.lab.database(),
                         env={"DB_CA_FILE": "/nowhere.pem"})

    def test_without_tls(self):
        self.unreachable("tls", db=self.lab.database(), tls="disable")

    def test_wrong_password(self):
        self.unreachable("password", "migrator", db=self.lab.database(),
                         env={"DB_PASSWORD": "not it"})

    def test_unknown_user(self):
        run = self.lab.run("run", event=self.lab.event(), plan=self.lab.plan(
            ORDERS, self.lab.database(), database={"user": "stranger"}))
        self.ends(run, 4, "unreachable")

    def test_unknown_host(self):
        self.unreachable("nowhere.invalid", "host", host="nowhere.invalid", port=self.lab.pooler)

    def test_nobody_listens(self):
        self.unreachable("127.0.0.1", port=dead_port())

    def test_no_such_database(self):
        self.unreachable("no_such_db", "does not exist", db="no_such_db")

    def test_may_not_create_the_ledger(self):
        db = self.lab.database()
        run = self.lab.run("run", event=self.lab.event(), plan=self.lab.plan(
            ORDERS, db, database={"user": "outsider", "password": "${OUTSIDER}"}),
            env={"OUTSIDER": self.lab.passwords["outsider"]})
        report = self.ends(run, 4, "unreachable")
        self.assertEqual(report["error"]["sqlstate"], "42501")
        self.assertIn("GRANT CREATE ON DATABASE", report["error"]["hint"])
        self.assertIn("schema", report["error"]["message"])

    def test_may_not_act_for_the_role(self):
        db = self.lab.database()
        run = self.lab.run("run", event=self.lab.event(), plan=self.lab.plan(
            ORDERS, db, database={"role": "lab"}))
        self.assertIn(run.code, (1, 2, 4), run)
        self.assertIn("lab", run.report["error"]["message"])
        self.assertEqual(self.tables(db), set())

    def test_schema_is_not_there(self):
        db = self.lab.database()
        run = self.lab.run("run", event=self.lab.event(), plan=self.lab.plan(
            ORDERS, db, database={"schema": "nowhere"}))
        self.assertNotEqual(run.code, 0, run)
        self.assertEqual(self.tables(db), set())

    def test_plan_is_not_there(self):
        self.unreachable("nowhere.yaml", "--plan", code=2, outcome="invalid",
                         plan=f"{self.lab.folder}/nowhere.yaml", port=self.lab.pooler)

    def test_variable_is_not_set(self):
        self.unreachable("DB_PASSWORD", code=2, outcome="invalid", env={"DB_PASSWORD": None},
                         port=self.lab.pooler)

    def test_settings_of_libpq_do_not_reach_us(self):
        db = self.lab.database()
        self.applies(ORDER_IDS, plan=self.lab.plan(ORDERS, db), event=self.lab.event(), env={
            "PGOPTIONS": "-c default_transaction_read_only=on", "PGSSLMODE": "disable",
            "PGHOST": "nowhere.invalid", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1",
            "PGUSER": "nobody", "PGPASSWORD": "x", "PGDATABASE": "x", "PGSERVICE": "x",
            "PGGEQO": "off", "PGTZ": "Asia/Tokyo", "PGDATESTYLE": "German", "PGAPPNAME": "x",
            "PGCLIENTENCODING": "LATIN1", "PGTARGETSESSIONATTRS": "read-only",
            "PGREQUIREPEER": "x", "PGCHANNELBINDING": "require", "PGSSLCERT": "/nowhere",
            "PGCONNECT_TIMEOUT": "1", "PGPASSFILE": "/nowhere", "PGSSLCRL": "/nowhere"})

    def test_a_pooler_that_ends_the_connection_at_once(self):
        # What a load balancer without a target does.
        with self.lab.hanging_up() as port:
            self.unreachable(port=port)

    def test_a_database_that_comes_late(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db, database={"wait": "40s"})
        port = self.lab.direct
        self.lab.server.stop()
        process = self.lab.start_run("run", "--json", plan=plan, event=self.lab.event(), port=port)
        timer = threading.Event()
        timer.wait(2)
        self.assertIsNone(process.poll(), "it did not wait")
        self.lab.server.start()
        self.ends(self.lab.finish(process), 0, "applied")


class Defaults(LabCase):
    """What role, database or server have set must not matter."""

    SETTINGS = {
        "default_transaction_read_only": "on",
        "default_transaction_isolation": "serializable",
        "default_transaction_deferrable": "on",
        "statement_timeout": "150ms",
        "lock_timeout": "1ms",
        "idle_in_transaction_session_timeout": "300ms",
        "search_path": "nowhere",
        "datestyle": "German",
        "intervalstyle": "sql_standard",
        "timezone": "Asia/Kathmandu",
        "bytea_output": "escape",
        "client_min_messages": "error",
        "extra_float_digits": "-10",
        "synchronous_commit": "off",
        "check_function_bodies": "off",
        "row_security": "off",
        "xmloption": "document",
        "lc_messages": "C",
        "quote_all_identifiers": "on",
        "default_text_search_config": "simple",
        "escape_string_warning": "off",
        "role": "orders_owner",
    }

    def deploy_with(self, settings):
        db = self.lab.database()
        # A schema that a default search_path names first, with a table that must not be hit.
        self.lab.psql("".join(f"alter database {db} set {name} = '{value}';"
                              for name, value in settings.items()))
        plan = self.lab.plan({**ORDERS, "0004_slow.sql": "select pg_sleep(0.4);\n"
                                                         "create table late (a int);\n"}, db)
        for port in (self.lab.pooler, self.lab.direct):
            run = self.lab.run("run", plan=plan, event=self.lab.event(), port=port)
            self.ends(run, 0, "applied" if port == self.lab.pooler else "nothing")
        self.assertEqual(self.lab.value("set search_path = public; set default_transaction_read_only"
                                        " = off; select count(*) from pg_tables where "
                                        "schemaname = 'public'", db), "2")
        return db

    def test_all_together(self):
        self.deploy_with(self.SETTINGS)

    def test_one_by_one(self):
        for name, value in self.SETTINGS.items():
            with self.subTest(name):
                self.deploy_with({name: value})

    def test_encoding_of_the_database(self):
        self.lab.psql("create database latin template template0 encoding 'LATIN1' locale 'C' "
                      "owner orders_owner")
        plan = self.lab.plan({"0001_it.sql": "create table t as select 'é'::text as a;\n"}, "latin")
        self.applies(["0001_it"], plan=plan, event=self.lab.event())
        self.assertEqual(self.lab.value("select octet_length(a::text), a from t", "latin"), "1|é")

    def test_a_character_that_the_database_cannot_hold(self):
        self.lab.psql("create database latin2 template template0 encoding 'LATIN1' locale 'C' "
                      "owner orders_owner")
        plan = self.lab.plan({"0001_it.sql": "select 1;\nselect '漢';\n"}, "latin2")
        report = self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 1, "failed")
        self.assertEqual(report["error"]["sqlstate"], "22P05")


if __name__ == "__main__":
    main()
