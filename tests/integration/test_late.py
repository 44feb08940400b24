"""A report that is kept until it is sent: what one run could not tell, the next one does."""

import json
import os
import signal

from aws_case import TopicCase, setUpModule  # noqa: F401
from case import ORDERS, main
from lab import REPOSITORY

BROKEN = {**ORDERS, "0004_it.sql": "select nowhere;\n"}
# Not of a single message: trying again, or sending another one, does not help.
DENIED = "AuthorizationError"


class Late(TopicCase):
    """Each test starts with an empty topic and an empty database."""

    def leave(self, files=None, code=8, kind=DENIED, **how):
        """A run whose report does not get out; its report."""
        self.aws.clear()
        self.aws.fail(kind, times=1000)
        run = self.run_files(ORDERS if files is None else files, **how)
        self.aws.clear()
        self.assertEqual(run.code, code, run)
        return run.report

    def leave_many(self, count):
        """Rows of failed runs whose reports wait, oldest first; their ids."""
        report = self.leave(BROKEN, 1)
        self.lab.psql(
            "insert into postlude.run (run_id, plan, trigger, started_at, finished_at, outcome, "
            "report, report_after) select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))"
            "::uuid, plan, trigger, started_at - make_interval(mins => 1000 - n), finished_at, "
            "outcome, report, report_after from postlude.run, generate_series(1, "
            f"{count - 1}) n where run_id = '{report['run_id']}'", self.db)
        return self.lab.psql("select run_id from postlude.run order by started_at",
                             self.db).split()

    def waiting(self):
        """Ids of the runs whose report waits, oldest first."""
        return self.lab.psql("select run_id from postlude.run where reported_at is null and "
                             "report_after <= clock_timestamp() order by started_at",
                             self.db).split()

    def ripen(self):
        """Four minutes go by."""
        self.lab.psql("update postlude.run set report_after = report_after - interval '4 min' "
                      "where report_after is not null", self.db)

    def told(self):
        """(run id, late) of each message in the topic."""
        messages = self.aws.messages()
        for message in messages:
            late = json.loads(message["message"])["late"]
            self.assertEqual(message["attributes"].get("late"), ("String", "true") if late else None)
            self.assertEqual(message["subject"].startswith("late: "), late)
        reports = [json.loads(message["message"]) for message in messages]
        return [(report["run_id"], report["late"]) for report in reports]


class Sent(Late):
    """By the next run, whatever that came to."""

    def test_by_a_run_with_nothing_to_do(self):
        first = self.leave()
        self.assertEqual(self.waiting(), [first["run_id"]])
        run = self.run_files(ORDERS)
        self.ends(run, 0, "nothing")
        self.assertEqual(self.told(), [(first["run_id"], True)])
        self.assertEqual(self.waiting(), [])
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual(len(self.aws.messages()), 1, "once")

    def test_it_is_the_report_of_that_run(self):
        first = self.leave(BROKEN, 1)
        self.assertIsNotNone(first["error"]["statement"])
        self.run_files(ORDERS)
        (message,) = self.aws.messages()
        error = {**first["error"], "detail": None, "statement": None}
        self.assertEqual(json.loads(message["message"]), {**first, "late": True, "error": error})
        self.assertEqual(message["attributes"], {
            "outcome": ("String", "failed"), "plan": ("String", "orders"),
            "trigger": ("String", "codepipeline"), "pipeline": ("String", "orders-prod"),
            "exit_code": ("Number", "1"), "late": ("String", "true")})
        self.assertEqual(message["subject"],
                         "late: orders: failed at 0004_it, 3 applied before it, 0 not started")
        (kept, _) = self.lab.runs(self.db)
        self.assertFalse(kept["report"]["late"], "what the ledger has stays as it was")
        self.assertIsNotNone(kept["reported_at"])

    def test_after_its_own(self):
        first = self.leave()
        second = self.run_files({**ORDERS, "0004_x.sql": "create table x ();\n"}).report
        self.assertEqual(self.told(), [(second["run_id"], False), (first["run_id"], True)])

    def test_by_a_duplicate(self):
        event = self.lab.event()
        first = self.leave(event=event)
        self.ends(self.run_files(ORDERS, event=event), 0, "duplicate")
        self.assertEqual(self.told(), [(first["run_id"], True)])

    def test_by_a_run_that_fails(self):
        first = self.leave()
        second = self.ends(self.run_files(BROKEN), 1, "failed")
        self.assertEqual(self.told(), [(second["run_id"], False), (first["run_id"], True)])

    def test_by_a_conflict(self):
        first = self.leave()
        changed = {**ORDERS, "0001_create_orders.sql": "select 1;\n"}
        second = self.ends(self.run_files(changed), 6, "conflict")
        self.assertEqual(self.told(), [(second["run_id"], False), (first["run_id"], True)])

    def test_by_a_scheduled_and_a_manual_run(self):
        for env in ({"POSTLUDE_SCHEDULE_ARN": "arn:aws:scheduler:eu-west-3:210987654321:"
                                              "schedule/default/nightly",
                     "POSTLUDE_SCHEDULED_TIME": "2031-03-14T09:00:00Z"},
                    {"POSTLUDE_REASON": "catch up"}):
            with self.subTest(env):
                self.setUp()
                first = self.leave()
                plan = self.lab.plan(ORDERS, self.db)
                self.ends(self.lab.run("run", plan=plan, env=env), 0, "nothing")
                self.assertEqual(self.told(), [(first["run_id"], True)])

    def test_by_resolve(self):
        first = self.leave()
        plan = self.lab.plan(BROKEN, self.db)
        self.assertEqual(self.lab.run("resolve", "0004_it", "--skip", "--reason", "no", plan=plan
                                      ).code, 0)
        self.assertEqual(self.told(), [(first["run_id"], True)])

    def test_not_by_looking(self):
        self.leave()
        plan = self.lab.plan(ORDERS, self.db)
        self.lab.run("status", plan=plan)
        self.lab.run("run", "--dry-run", plan=plan, event=self.lab.event())
        self.lab.run("run", plan=plan, event=self.lab.event(state="STARTED"))
        self.lab.run("run", plan=plan, event=self.lab.event(pipeline="billing-prod"),
                     env={"POSTLUDE_REPORT_TOPIC": ""})
        self.assertEqual([late for _, late in self.told() if late], [])
        self.assertEqual(len(self.waiting()), 1)

    def test_of_this_plan_only(self):
        self.leave()
        self.ends(self.run_files({"0.sql": "select 1;\n"}, plan="other"), 0, "applied")
        self.assertEqual([late for _, late in self.told()], [False])
        self.assertEqual(len(self.waiting()), 1)

    def test_in_the_format_and_to_the_topic_of_the_run_that_sends_it(self):
        first = self.leave(BROKEN, 1, kind=DENIED, env={"SNS_TOPIC_ARN": self.aws.arn("nowhere")})
        self.ends(self.run_files(ORDERS, report={"format": "text", "details": True}), 0, "nothing")
        (message,) = self.aws.messages()
        self.assertEqual(message["topic"], self.aws.arn("orders"))
        lines = message["message"].splitlines()
        self.assertTrue(lines[0].startswith("LATE: this run ended at " + first["finished_at"]))
        self.assertIn("select nowhere", message["message"])

    def test_to_a_fifo_topic(self):
        env = self.aws.environment("orders.fifo")
        first = self.leave(env=env)
        self.run_files(ORDERS, env=env)
        (message,) = self.aws.messages()
        self.assertEqual((message["group"], message["deduplication"]),
                         ("orders", first["run_id"] + "-applied"))

    def test_a_plan_without_migrations_before(self):
        # The run that makes the ledger in its last breath keeps its report too.
        first = self.leave({}, migrations=[], report={"when": "always"})
        self.assertEqual(first["outcome"], "nothing")
        self.run_files({}, migrations=[])
        self.assertEqual(self.told(), [(first["run_id"], True)])


class NotWanted(Late):
    """What the plan did not want when it happened is not told later."""

    def waits_for_nobody(self):
        self.assertEqual(self.lab.value("select count(*) from postlude.run where report_after is "
                                        "not null", self.db), "0")

    def test_when_decides_at_the_time(self):
        self.ends(self.run_files(ORDERS, report={"when": "failures"}), 0, "applied")
        self.waits_for_nobody()
        self.ends(self.run_files(ORDERS, report={"when": "always"}), 0, "nothing")
        self.assertEqual([late for _, late in self.told()], [False])

    def test_it_is_told_though_the_plan_wants_less_now(self):
        first = self.leave()
        self.ends(self.run_files(ORDERS, report={"when": "failures"}), 0, "nothing")
        self.assertEqual(self.told(), [(first["run_id"], True)])

    def test_nobody_to_tell(self):
        self.ends(self.run_files(ORDERS, report=None), 0, "applied")
        self.waits_for_nobody()
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual(self.told(), [])

    def test_what_was_told(self):
        self.ends(self.run_files(ORDERS), 0, "applied")
        self.ripen()
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual([late for _, late in self.told()], [False])


class Resolve(Late):
    """resolve tells what it did where the plan wants everything told."""

    def resolve(self, *args, **changes):
        self.leave(BROKEN, 1)
        self.run_files(ORDERS)
        self.aws.clear()
        plan = self.lab.plan(BROKEN, self.db, **changes)
        return self.lab.run("resolve", *args, "--reason", "no", "--by", "ana", plan=plan)

    def test_always(self):
        run = self.resolve("0004_it", "--skip", report={"when": "always"})
        self.assertEqual(run.code, 0, run)
        (message,) = self.aws.messages()
        report = json.loads(message["message"])
        self.assertIn("settled by hand", report["note"])
        self.assertEqual((report["trigger"]["by"], report["late"]), ("ana", False))

    def test_changes(self):
        self.resolve("0004_it", "--skip")
        self.assertEqual(self.told(), [])

    def test_what_it_refuses_is_for_whoever_asked(self):
        self.assertEqual(self.resolve("0004_if", "--skip", report={"when": "always"}).code, 2)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.waiting(), [])

    def test_not_published(self):
        self.leave(BROKEN, 1)
        self.aws.fail(DENIED, times=1000)
        plan = self.lab.plan(BROKEN, self.db, report={"when": "always"})
        run = self.lab.run("resolve", "0004_it", "--skip", "--reason", "no", plan=plan)
        self.assertEqual(run.code, 8, run)
        self.assertEqual(run.report["exit_code"], 0)
        self.assertEqual(len(self.waiting()), 2)

    def test_a_plan_whose_topic_is_not_to_be_known_here(self):
        self.leave(BROKEN, 1)
        plan = self.lab.plan(BROKEN, self.db, report={"topic": "${NO_SUCH_VARIABLE}"})
        run = self.lab.run("resolve", "0004_it", "--skip", "--reason", "no", plan=plan)
        self.assertEqual(run.code, 0, run)


class Killed(Late):
    """Between the record and the sending."""

    def killed(self):
        """A run that is killed while it publishes; its id."""
        self.aws.fail("hang", times=1000)
        process = self.lab.start_run("run", "--json", plan=self.lab.plan(ORDERS, self.db),
                                     event=self.lab.event())
        self.lab.wait_for(self.db, "select count(*) from pg_class where relname = 'run'", "1")
        self.lab.wait_for(self.db, "select outcome from postlude.run", "applied")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        self.aws.clear()
        return self.lab.value("select run_id from postlude.run", self.db)

    def test_it_is_left_alone_for_four_minutes(self):
        run_id = self.killed()
        self.assertEqual(self.waiting(), [])
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual(self.told(), [])
        self.assertEqual(
            self.lab.value("select report_after - finished_at between '3 min 50 s' and '4 min 10 s'"
                           " from postlude.run order by started_at limit 1", self.db), "t")
        self.ripen()
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual(self.told(), [(run_id, True)])

    def test_told_to_stop_while_it_sends_those_of_others(self):
        self.leave()
        self.aws.fail("hang", times=1000)
        process = self.lab.start_run("run", "--json", plan=self.lab.plan(ORDERS, self.db),
                                     event=self.lab.event())
        self.lab.wait_for(self.db, "select count(*) from postlude.run where report_after > "
                                   "clock_timestamp()", "1")
        process.send_signal(signal.SIGTERM)
        run = self.lab.finish(process, timeout=25)
        self.assertEqual(run.code, 0, run)
        self.aws.clear()
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual([late for _, late in self.told()], [True])


class Many(Late):
    """Oldest first, each once, and not without end."""

    def test_oldest_first_and_twenty_at_most(self):
        ids = self.leave_many(25)
        run = self.run_files(ORDERS)
        self.ends(run, 0, "nothing")
        self.assertEqual(self.told(), [(run_id, True) for run_id in ids[:20]])
        (left,) = [line for line in run.log if "are left to the next" in line["msg"]]
        self.assertEqual((left["level"], left["count"]), ("warn", 5))
        self.run_files(ORDERS)
        self.assertEqual([run_id for run_id, _ in self.told()], ids)
        self.assertEqual(self.waiting(), [])

    def test_several_runs_at_once(self):
        ids = self.leave_many(15)
        plan = self.lab.plan(ORDERS, self.db)
        processes = [self.lab.start_run("run", "--json", plan=plan, event=self.lab.event())
                     for _ in range(4)]
        for process in processes:
            self.assertEqual(self.lab.finish(process).code, 0)
        self.assertEqual(sorted(run_id for run_id, _ in self.told()), ids)

    def test_one_that_another_run_claims_at_this_moment(self):
        ids = self.leave_many(3)
        with self.lab.session(self.db, "begin; update postlude.run set report_after = now() + "
                                       f"interval '1 h' where run_id = '{ids[0]}'; "
                                       "select pg_sleep(60);"):
            self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual([run_id for run_id, _ in self.told()], ids[1:])

    def test_one_that_another_run_is_sending(self):
        ids = self.leave_many(2)
        self.lab.psql("update postlude.run set report_after = now() + interval '1 min' "
                      f"where run_id = '{ids[0]}'", self.db)
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual([run_id for run_id, _ in self.told()], ids[1:])

    def test_trouble_again(self):
        ids = self.leave_many(3)
        self.aws.fail(DENIED, times=1000)
        run = self.run_files(ORDERS)
        self.ends(run, 0, "nothing")
        self.assertEqual(len(self.aws.refusals()), 1, "the others would fare no better")
        (line,) = [line for line in run.log if "the report that run" in line["msg"]]
        self.assertEqual(line["level"], "warn")
        self.assertIn(ids[0], line["msg"])
        self.assertIn("sns:Publish", line["hint"])
        self.assertEqual(self.waiting(), ids, "at once, not in four minutes")

    def test_one_that_sns_does_not_take(self):
        ids = self.leave_many(3)
        self.aws.fail("InvalidParameter")
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual([run_id for run_id, _ in self.told()], ids[1:])
        self.assertEqual(self.waiting(), ids[:1])

    def test_one_that_cannot_be_read(self):
        for report in ("null", "'{}'", "'[]'", "'7'", """'{"outcome": "paused"}'"""):
            with self.subTest(report):
                self.setUp()
                ids = self.leave_many(2)
                self.lab.psql(f"update postlude.run set report = {report} "
                              f"where run_id = '{ids[0]}'", self.db)
                run = self.run_files(ORDERS)
                self.ends(run, 0, "nothing")
                self.assertEqual([run_id for run_id, _ in self.told()], ids[1:], run)
                self.assertIn(ids[0], run.err)

    def test_many_that_cannot_be_read_keep_none_back(self):
        ids = self.leave_many(32)
        self.lab.psql("update postlude.run set report = '{}' where run_id = any "
                      f"('{{{','.join(ids[:30])}}}')", self.db)
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual([run_id for run_id, _ in self.told()], ids[30:])
        self.assertEqual(self.waiting(), ids[:30])

    def test_own_report_first_and_no_others_when_that_fails(self):
        self.leave_many(2)
        self.aws.fail(DENIED, times=1000)
        run = self.run_files(BROKEN)
        self.ends(run, 1, "failed")
        self.assertEqual(len(self.aws.refusals()), 1)
        self.assertIn("the next run of this plan sends it", run.err)


class Cheap(Late):
    """A run with nothing to do pays nothing for it."""

    def messages_sent(self, files):
        """How many messages a direct run sends to the server after its login."""
        with open(self.lab.server.log, encoding="utf-8") as stream:
            stream.seek(0, os.SEEK_END)
            run = self.lab.run("run", plan=self.lab.plan(files, self.db), event=self.lab.event(),
                               port=self.lab.direct)
            self.ends(run, 0, "nothing")
            parts = stream.read().split(f" migrator@{self.db} ")[1:]
        return [part for part in parts if "statement: " in part]

    def test_one_query_and_one_write(self):
        self.ends(self.run_files(ORDERS), 0, "applied")
        self.lab.psql(f"alter database {self.db} set log_statement = 'all'")
        sent = self.messages_sent(ORDERS)
        self.assertEqual(len(sent), 2, sent)
        self.assertIn("synchronous_commit = off", sent[1])

    def test_claims_only_what_waits(self):
        self.leave()
        self.lab.psql(f"alter database {self.db} set log_statement = 'all'")
        self.assertEqual(len(self.messages_sent(ORDERS)), 4, "and a claim, and a mark")
        self.assertEqual(len(self.messages_sent(ORDERS)), 2)

    def test_by_an_index(self):
        self.leave_many(2)
        self.lab.psql("insert into postlude.run (run_id, plan, trigger, started_at, report, "
                      "report_after, reported_at) select gen_random_uuid(), plan, trigger, now(), "
                      "report, now(), now() from postlude.run, generate_series(1, 2000); "
                      "analyze postlude.run", self.db)
        plan = self.lab.psql("explain select from postlude.run where plan = 'orders' and "
                             "reported_at is null and report_after <= statement_timestamp()",
                             self.db)
        self.assertIn("run_unreported", plan)


class Versions(Late):
    """Ledgers of releases before and after this one."""

    def downgrade(self):
        """The ledger as version 2 has it."""
        with open(f"{REPOSITORY}/migrations/postlude/0001_ledger.sql", encoding="ascii") as stream:
            text = stream.read()
        function = text[text.index("CREATE FUNCTION postlude.end_run"):]
        self.lab.psql("alter table postlude.run drop report_after; "
                      "delete from postlude.upgrade where version = 3; "
                      + function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"), self.db)

    def test_an_older_ledger_keeps_no_reports(self):
        self.leave()
        self.downgrade()
        self.aws.fail(DENIED, times=1000)
        self.ends(self.run_files(ORDERS, report={"when": "always"}), 8, "nothing")
        self.aws.clear()
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual(self.told(), [])
        self.assertEqual(self.lab.value("select max(version) from postlude.upgrade", self.db), "2")

    def test_is_upgraded_by_a_run_with_something_to_do(self):
        self.ends(self.run_files(ORDERS), 0, "applied")
        self.downgrade()
        first = self.leave({**ORDERS, "0004_x.sql": "create table x ();\n"})
        self.assertEqual(self.lab.value("select max(version) from postlude.upgrade", self.db), "3")
        self.run_files(ORDERS)
        self.assertEqual(self.told(), [(first["run_id"], True)])

    def test_an_older_release_on_this_ledger(self):
        # It ends its row without a word about the report: nobody waits for it.
        self.ends(self.run_files(ORDERS), 0, "applied")
        row = {"run_id": "00000000-0000-7000-8000-000000000001", "plan": "orders",
               "trigger": "manual", "started_at": "2031-03-14T09:26:53Z", "outcome": "applied",
               "finished_at": "2031-03-14T09:26:54Z", "report": {"outcome": "applied"}}
        self.lab.psql(f"select postlude.end_run('{json.dumps(row)}')", self.db)
        self.aws.clear()
        self.ends(self.run_files(ORDERS), 0, "nothing")
        self.assertEqual(self.told(), [])


if __name__ == "__main__":
    main()
