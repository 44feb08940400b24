"""A deploy's event goes in, the database is at the plan: what a run applies, and how."""

import json
import re
import uuid

from case import LONG, ORDERS, ORDER_IDS, LabCase, main, setUpModule  # noqa: F401


class Deploy(LabCase):
    """The main job, end to end."""

    def test_applies_through_the_pooler(self):
        db = self.lab.database()
        event = json.loads(self.lab.event())
        plan = self.lab.plan(ORDERS, db)
        run = self.lab.run("run", plan=plan, event=json.dumps(event))
        report = self.ends(run, 0, "applied")
        self.assertEqual([step["id"] for step in report["applied"]], ORDER_IDS)
        self.assertEqual(report["already_applied"], 0)
        self.assertEqual(report["pending"], [])
        self.assertEqual(report["plan"], "orders")
        database = report["database"]
        self.assertEqual((database["via"], database["host"], database["port"], database["name"],
                          database["user"]),
                         ("pooler", "127.0.0.1", self.lab.pooler, db, "migrator"))
        self.assertRegex(database["server_version"], r"^\d+\.\d+")
        trigger = report["trigger"]
        self.assertEqual(trigger["kind"], "codepipeline")
        self.assertEqual(trigger["pipeline"], "orders-prod")
        self.assertEqual(trigger["execution_id"], event["detail"]["execution-id"])
        self.assertEqual(trigger["attempt"], 1)
        self.assertEqual(trigger["event_id"], event["id"])
        self.assertRegex(report["started_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIn("orders", self.tables(db))
        self.assertEqual(self.lab.value("select note from orders", db), "first")

    def test_applies_directly(self):
        db = self.lab.database()
        report = self.applies(ORDER_IDS, plan=self.lab.plan(ORDERS, db), event=self.lab.event(),
                              port=self.lab.direct)
        self.assertEqual(report["database"]["via"], "direct")

    def test_no_arguments_mean_run(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        run = self.lab.run(env={"POSTLUDE_PLAN": plan}, event=self.lab.event())
        self.ends(run, 0, "applied")

    def test_writes_the_ledger(self):
        db = self.lab.database()
        event = self.lab.event()
        report = self.applies(ORDER_IDS, plan=self.lab.plan(ORDERS, db), event=event)
        rows = self.lab.migrations(db)
        self.assertEqual(list(rows), ORDER_IDS)
        for row in rows.values():
            self.assertEqual((row["state"], row["run_id"], row["error"]),
                             ("applied", report["run_id"], None))
            self.assertRegex(row["checksum"], "^sha256:[0-9a-f]{64}$")
            self.assertIsNotNone(row["applied_at"])
            self.assertGreaterEqual(row["duration_ms"], 0)
        self.assertEqual(rows["0003_add_note"]["statements_done"], 2)
        (run,) = self.lab.runs(db)
        event = json.loads(event)
        self.assertEqual(
            (run["run_id"], run["outcome"], run["pipeline"], run["execution_id"], run["attempt"],
             run["event_id"], run["account"], run["region"], run["error"]),
            (report["run_id"], "applied", "orders-prod", event["detail"]["execution-id"], 1,
             event["id"], "210987654321", "eu-west-3", None))
        self.assertEqual(run["report"]["summary"], report["summary"])
        self.assertIsNotNone(run["finished_at"])
        self.assertIsNone(self.lab.rows("select owner from postlude.plan", db)[0]["owner"])

    def test_a_second_delivery_changes_nothing(self):
        db = self.lab.database()
        event = json.loads(self.lab.event())
        plan = self.lab.plan(ORDERS, db)
        first = self.applies(ORDER_IDS, plan=plan, event=json.dumps(event))
        before = self.lab.fingerprint(db)
        for attempt in (1.0, 1, 1e0):
            # EventBridge gives another id and time to another emission of the same change, and
            # another id when it forwards it to another region: account and region stay the pipeline's.
            event.update(id=str(uuid.uuid4()), time="2031-03-14T09:27:13Z")
            event["detail"]["pipeline-execution-attempt"] = attempt
            run = self.lab.run("run", plan=plan, event=json.dumps(event))
            report = self.ends(run, 0, "duplicate")
            self.assertEqual(report["applied"], [])
            self.assertIn(first["run_id"], run.out + run.err)
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_what_makes_a_delivery_another_one(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db, trigger={"pipelines": ["orders-*"], "stages": ["Prod*"]})
        fields = {"detail-type": "CodePipeline Stage Execution State Change"}
        first = json.loads(self.lab.event(detail={"stage": "Prod"}, **fields))
        self.applies(ORDER_IDS, plan=plan, event=json.dumps(first))
        detail = first["detail"]
        others = ({**first, "region": "us-east-1"}, {**first, "account": "110987654321"},
                  {**first, "detail": {**detail, "stage": "Prod2"}},
                  {**first, "detail": {**detail, "pipeline": "orders-other"}},
                  {**first, "detail": {**detail, "pipeline-execution-attempt": 2.0}},
                  {**first, "detail": {**detail, "execution-id": str(uuid.uuid4())}})
        for event in others:
            with self.subTest(event):
                run = self.lab.run("run", plan=plan, event=json.dumps(event))
                self.ends(run, 0, "nothing")
        self.ends(self.lab.run("run", plan=plan, event=json.dumps(first)), 0, "duplicate")

    def test_what_the_ledger_keeps_of_a_schedule(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        arn = "arn:aws:scheduler:eu-west-3:210987654321:schedule/default/nightly"
        self.ends(self.lab.run("run", plan=plan, env={
            "POSTLUDE_SCHEDULE_ARN": arn, "POSTLUDE_SCHEDULED_TIME": "2031-03-14T09:00:00Z"}),
            0, "applied")
        (row,) = self.lab.runs(db)
        self.assertEqual((row["trigger"], row["schedule"], row["scheduled_time"]),
                         ("schedule", arn, "2031-03-14T09:00:00Z"))
        self.assertRegex(row["plan_digest"], "^sha256:[0-9a-f]{64}$")

    def test_a_duplicate_applies_nothing_of_a_newer_image_but_lists_it(self):
        db = self.lab.database()
        event = self.lab.event()
        self.applies(ORDER_IDS[:2], event=event, plan=self.lab.plan(
            {name: ORDERS[name] for name in list(ORDERS)[:2]}, db))
        before = self.lab.fingerprint(db)
        report = self.ends(self.lab.run("run", plan=self.lab.plan(ORDERS, db), event=event),
                           0, "duplicate")
        self.assertEqual(report["pending"], ORDER_IDS[2:])
        self.assertEqual(self.lab.fingerprint(db), before)

    def test_another_attempt_or_execution_is_another_deploy(self):
        db, plan = self.deployed()
        execution = str(uuid.uuid4())
        for attempt in (1.0, 2.0):
            event = self.lab.event(execution_id=execution, attempt=attempt)
            report = self.ends(self.lab.run("run", plan=plan, event=event), 0, "nothing")
            self.assertEqual(report["already_applied"], len(ORDERS))
        self.assertEqual([run["outcome"] for run in self.lab.runs(db)],
                         ["applied", "nothing", "nothing"])

    def test_a_later_deploy_applies_what_is_new(self):
        db = self.lab.database()
        names = list(ORDERS)
        self.applies(ORDER_IDS[:1], event=self.lab.event(),
                     plan=self.lab.plan({names[0]: ORDERS[names[0]]}, db))
        report = self.applies(ORDER_IDS[1:], plan=self.lab.plan(ORDERS, db),
                              event=self.lab.event())
        self.assertEqual(report["already_applied"], 1)

    def test_two_plans_live_in_one_database(self):
        db = self.lab.database()
        self.applies(ORDER_IDS, plan=self.lab.plan(ORDERS, db), event=self.lab.event())
        other = {"0001_create_orders.sql": "create table parcels (id int);\n"}
        plan = self.lab.plan(other, db, plan="parcels")
        self.applies(["0001_create_orders"], plan=plan, event=self.lab.event())
        self.assertLessEqual({"orders", "parcels"}, self.tables(db))
        self.assertEqual(self.states(db, "parcels"), {"0001_create_orders": "applied"})
        self.assertEqual(list(self.lab.migrations(db, "orders")), ORDER_IDS)


class Triggers(LabCase):
    """Other reasons to run."""

    def test_scalar_variables(self):
        db = self.lab.database()
        execution = str(uuid.uuid4())
        scalars = {"POSTLUDE_EVENT_" + name: value for name, value in {
            "DETAIL_TYPE": "CodePipeline Pipeline Execution State Change",
            "SOURCE": "aws.codepipeline", "ID": str(uuid.uuid4()), "TIME": "2031-03-14T09:26:53Z",
            "ACCOUNT": "210987654321", "REGION": "eu-west-3", "PIPELINE": "orders-prod",
            "EXECUTION_ID": execution, "STATE": "SUCCEEDED", "ATTEMPT": "1.0", "VERSION": "6.0",
            "STAGE": ""}.items()}
        plan = self.lab.plan(ORDERS, db)
        report = self.applies(ORDER_IDS, plan=plan, env=scalars)
        self.assertEqual(report["trigger"]["execution_id"], execution)
        # The same execution as JSON is the same deploy.
        event = self.lab.event(execution_id=execution)
        self.ends(self.lab.run("run", plan=plan, event=event), 0, "duplicate")

    def test_event_from_option_file_and_stdin(self):
        db, plan = self.deployed()
        event = self.lab.event()
        path = f"{self.lab.folder}/event.json"
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(event)
        self.ends(self.lab.run("run", "--event", event, plan=plan), 0, "nothing")
        self.ends(self.lab.run("run", "--event", path, plan=plan), 0, "duplicate")
        self.ends(self.lab.run("run", "--event", "-", plan=plan, stdin=event.encode()),
                  0, "duplicate")
        # The option wins over the variable.
        self.ends(self.lab.run("run", "--event", path, plan=plan,
                               event=self.lab.event(state="FAILED")), 0, "duplicate")
        self.assertEqual(len(self.lab.runs(db)), 2)

    def test_a_stage_that_the_plan_lists(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db, trigger={"stages": ["Prod"]})
        stage = {"detail-type": "CodePipeline Stage Execution State Change",
                 "detail": {"stage": "Prod"}}
        pipeline = self.lab.run("run", plan=plan, event=self.lab.event())
        self.ends(pipeline, 0, "ignored")
        self.assertFalse(self.lab.has_ledger(db))
        event = self.lab.event(**stage)
        report = self.applies(ORDER_IDS, plan=plan, event=event)
        self.assertEqual((report["trigger"]["kind"], report["trigger"]["stage"]),
                         ("codepipeline-stage", "Prod"))
        self.ends(self.lab.run("run", plan=plan, event=event), 0, "duplicate")

    def test_a_schedule_catches_up(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        rule = json.dumps({
            "version": "0", "id": str(uuid.uuid4()), "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "210987654321", "time": "2031-03-14T09:00:00Z",
            "region": "eu-west-3", "detail": {},
            "resources": ["arn:aws:events:eu-west-3:210987654321:rule/nightly"]})
        report = self.applies(ORDER_IDS, plan=plan, event=rule)
        self.assertEqual(report["trigger"]["kind"], "schedule")
        scheduler = {"POSTLUDE_SCHEDULE_ARN":
                     "arn:aws:scheduler:eu-west-3:210987654321:schedule/default/nightly",
                     "POSTLUDE_SCHEDULED_TIME": "2031-03-14T10:00:00Z"}
        report = self.ends(self.lab.run("run", plan=plan, env=scheduler), 0, "nothing")
        self.assertEqual(report["trigger"]["kind"], "schedule")

    def test_by_hand_with_reason_and_name(self):
        db = self.lab.database()
        reason = "hotfix \x1b[31m \"quoted\" 'é"
        report = self.ends(self.lab.run("run", "--reason", reason, "--by", "ada",
                                        plan=self.lab.plan(ORDERS, db)), 0, "applied")
        self.assertEqual(report["trigger"]["kind"], "manual")
        (run,) = self.lab.runs(db)
        self.assertEqual((run["trigger"], run["operator"]), ("manual", "ada"))
        self.assertIn("hotfix", run["reason"])
        self.assertIn("\"quoted\" 'é", run["reason"])
        self.assertIn("hotfix", json.dumps(report["trigger"]))
        self.assertIn("ada", json.dumps(report["trigger"]))
        # By hand again runs again: nobody delivers that twice.
        self.ends(self.lab.run("run", plan=self.lab.plan(ORDERS, db)), 0, "nothing")

    def test_by_hand_on_ecs_needs_a_reason(self):
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        ecs = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:9/v4/x"}
        report = self.ends(self.lab.run("run", plan=plan, env=ecs), 3, "refused")
        self.assertIn("reason", report["error"]["message"] + report["error"]["hint"])
        self.assertFalse(self.lab.has_ledger(db))
        run = self.lab.run("run", plan=plan, env={**ecs, "POSTLUDE_REASON": "checking",
                                                  "POSTLUDE_BY": "ada"})
        self.ends(run, 0, "applied")
        self.assertEqual(self.lab.runs(db)[0]["operator"], "ada")


class Files(LabCase):
    """What a migration file may hold."""

    def apply_one(self, text, **changes):
        db = self.lab.database()
        plan = self.lab.plan({"0001_it.sql": text}, db, **changes)
        self.applies(["0001_it"], plan=plan, event=self.lab.event())
        return db

    def test_copy_from_stdin(self):
        db = self.apply_one("create table t (a int, b text);\n"
                            "COPY t (a, b) FROM stdin;\n"
                            "1\tone; -- 'not SQL\n2\t\\N\n3\ttab\\tand \\\\.\n\\.\n\n"
                            "insert into t values (4, 'after');\n"
                            "copy t from stdin with (format csv);\n5,\"five, \"\"quoted\"\"\"\n\\.\n")
        self.assertEqual(self.lab.psql("select a, b from t order by a", db).split("\n"),
                         ["1|one; -- 'not SQL", "2|", "3|tab\tand \\.", "4|after",
                          "5|five, \"quoted\""])

    def test_its_own_begin_and_commit(self):
        db = self.apply_one("-- pg_dump style\nBEGIN;\ncreate table t (a int);\n"
                            "insert into t values (1);\nCOMMIT;\n")
        self.assertEqual(self.lab.value("select count(*) from t", db), "1")

    def test_its_own_begin_with_an_isolation_level(self):
        db = self.apply_one("begin isolation level serializable;\n"
                            "create table t as select current_setting('transaction_isolation') a;\n"
                            "end;\n")
        self.assertEqual(self.lab.value("select a from t", db), "serializable")

    def test_byte_order_mark_and_line_ends_of_windows(self):
        db = self.apply_one("\ufeff-- é\r\ncreate table \"tä\" (a int);\r\n"
                            "insert into \"tä\" values (1);\r\n")
        self.assertEqual(self.lab.value("select count(*) from \"tä\"", db), "1")

    def test_functions_with_all_kinds_of_quotes(self):
        db = self.apply_one(
            "create table t (a int primary key, v text);\n"
            "insert into t values (1, E'it\\'s; ok'), (2, 'a'';b'), (3, U&'d\\0061t;a');\n"
            "create function f(a int) returns int language sql begin atomic\n"
            "  insert into t values (a, case when a > 1 then 'x;' else 'y' end);\n"
            "  select a + 1;\nend;\n"
            "create function g() returns int language plpgsql as $body$\nbegin\n"
            "  perform $q$ ; inner $q$; -- ; comment\n  return f(7);\nend $body$;\n"
            "select g() /* nested /* ; */ comment; */;;\n"
            "select 'no final semicolon'")
        self.assertEqual(self.lab.value("select count(*) from t", db), "4")

    def test_nothing_but_a_comment(self):
        db = self.apply_one("-- kept for the number\n")
        self.assertEqual(self.lab.migrations(db)["0001_it"]["statements_done"], 0)

    def test_role_and_schema(self):
        db = self.lab.database()
        self.lab.psql("create schema sales authorization orders_owner", db)
        plan = self.lab.plan({"0001_it.sql": "create table t as select current_user::text as u,"
                                             " session_user::text as s;\n"}, db,
                             database={"role": "orders_owner", "schema": "sales"})
        self.applies(["0001_it"], plan=plan, event=self.lab.event())
        self.assertEqual(self.lab.psql("select tableowner, u, s from pg_tables, sales.t "
                                       "where tablename = 't' and schemaname = 'sales'", db),
                         "orders_owner|orders_owner|migrator")

    def test_a_role_that_does_not_see_the_ledger(self):
        # The owner of the tables has no rights on schema postlude: ours is done as the login.
        db = self.lab.database(owner="lab")
        self.lab.role(f"owner_{db}")
        self.lab.psql(f"grant owner_{db} to migrator; grant create on database {db} to migrator;"
                      f"grant usage, create on schema public to owner_{db}", db)
        plan = self.lab.plan(ORDERS, db, database={"role": f"owner_{db}"})
        self.applies(ORDER_IDS, plan=plan, event=self.lab.event())
        self.assertEqual(self.lab.value("select tableowner from pg_tables where tablename = "
                                        "'orders'", db), f"owner_{db}")

    def test_application_name_names_run_and_migration(self):
        db = self.apply_one("create table t as select current_setting('application_name') a;\n")
        name = self.lab.value("select a from t", db)
        self.assertEqual(name, f"postlude/{self.lab.runs(db)[0]['run_id']}/0001_it"[:63])

    def test_five_megabytes(self):
        rows = 5_000
        text = "create table t (a int, b text);\n" + "".join(
            f"insert into t values ({n}, '{'x' * 1000} é');\n" for n in range(rows))
        self.assertGreater(len(text), 5_000_000)
        db = self.apply_one(text)
        self.assertEqual(self.lab.value("select count(*), sum(length(b)) from t", db),
                         f"{rows}|{rows * 1002}")

    def test_one_statement_of_three_megabytes(self):
        db = self.apply_one(f"create table t as select '{'x' * 3_000_000}' as a;\n")
        self.assertEqual(self.lab.value("select length(a) from t", db), "3000000")

    def test_copy_data_of_five_megabytes(self):
        rows = 100_000 if LONG else 50_000
        text = "create table t (a int, b text);\ncopy t from stdin;\n" + "".join(
            f"{n}\t{'y' * 100}\n" for n in range(rows)) + "\\.\nanalyze t;\n"
        db = self.apply_one(text)
        self.assertEqual(self.lab.value("select count(*) from t", db), str(rows))

    def test_three_hundred_migrations(self):
        files = {f"{n:04}_step.sql": f"create table t{n} (a int);\n" for n in range(300)}
        db = self.lab.database()
        plan = self.lab.plan(files, db, migrations=["*.sql"])
        report = self.applies([name[:-4] for name in files], plan=plan, event=self.lab.event())
        self.assertRegex(report["summary"], re.compile("300"))

    def test_a_result_and_notices_do_not_reach_stdout(self):
        db = self.lab.database()
        plan = self.lab.plan({"0001_it.sql": "select 'row' || 'data';\n"
                                             "do $$ begin raise notice 'hear\x1b me'; end $$;\n"
                                             "drop table if exists nothing_there;\n"}, db)
        run = self.lab.run("run", plan=plan, event=self.lab.event())
        self.ends(run, 0, "applied")
        self.assertNotIn("rowdata", run.out + run.err)
        self.assertNotIn("\x1b", run.out + run.err)


if __name__ == "__main__":
    main()
