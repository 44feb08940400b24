"""`postlude status` of what did not come to its end: for people, and as a document."""

from case import LabCase, main, setUpModule  # noqa: F401

ALONE = "select 1;\nselect 2;\nselect 3;\n"
RUN = "01a20499-42c8-7f32-8ec1-b4538aec6000"


class Status(LabCase):
    """States that only steps outside a transaction have."""

    def made(self, *rows):
        """A plan with a file outside a transaction, a command, and one for each run; the ledger
        has these rows: (id, state, kind, statements_done, attempting, exit_status)."""
        db = self.lab.database()
        files = {"0001_first.sql": "select 1;\n", "0002_alone.sql": ALONE}
        plan = self.lab.plan(files, db, migrations=[
            "0001_first.sql", {"file": "0002_alone.sql", "transaction": "no"},
            {"id": "seed", "command": ["true"]},
            {"id": "cache", "command": ["true"], "when": "every"}])
        self.ends(self.lab.run("run", "--to", "0001_first", plan=plan, event=self.lab.event()),
                  0, "applied")
        for row in rows:
            self.lab.psql("insert into postlude.migration (plan, id, state, kind, statements_done, "
                          "attempting, exit_status, run_id, applied_at) values ('orders', "
                          + ", ".join("null" if cell is None else f"'{cell}'" for cell in row)
                          + f", '{RUN}', case when '{row[1]}' = 'applied' then "
                          "timestamptz '2031-03-14 09:26:53Z' end)", db)
        return db, plan

    def shown(self, plan):
        """The text, blanks made one; no line is too long."""
        run = self.lab.run("status", plan=plan, as_json=False)
        self.assertEqual(run.code, 0, run)
        for line in run.out.splitlines():
            self.assertLessEqual(len(line), 80, run)
        return " ".join(run.out.split())

    def rows(self, plan):
        run = self.lab.run("status", plan=plan)
        self.assertEqual(run.code, 0, run)
        return {row["id"]: row for row in run.report["migrations"]}

    def test_cut_off(self):
        _, plan = self.made(("0002_alone", "started", "alone", 1, 1, None),
                            ("seed", "started", "command", 0, 0, None))
        text = self.shown(plan)
        self.assertIn("unknown 0002_alone 1 of 3 statements done, cut off", text)
        self.assertIn("unknown seed cut off", text)
        self.assertIn("postlude resolve 0002_alone --applied|--retry|--skip --reason TEXT", text)
        self.assertIn(f"Run {RUN} ended while it was in flight. The next run finds out", text)
        self.assertIn("Nobody but a person can tell", text)
        self.assertIn("1 applied, 0 pending, 0 changed, 0 failed, 2 unknown", text)
        rows = self.rows(plan)
        self.assertEqual([rows["0002_alone"][key] for key in
                          ("state", "kind", "statements_done", "attempting", "exit_status")],
                         ["unknown", "alone", 1, 1, None])
        self.assertEqual([rows["cache"][key] for key in
                          ("state", "kind", "statements_done", "attempting", "exit_status")],
                         ["every", None, None, None, None])

    def test_at_work(self):
        db, plan = self.made(("0002_alone", "started", "alone", 2, 2, None))
        self.lab.psql(f"update postlude.plan set owner = '{RUN}', owned_since = now(), "
                      "touched_at = now()", db)
        text = self.shown(plan)
        self.assertIn("unknown 0002_alone 2 of 3 statements done, at work", text)
        self.assertNotIn("resolve", text)
        self.assertIn(f"Run {RUN} is at work", text)

    def test_between_two_statements(self):
        _, plan = self.made(("0002_alone", "started", "alone", 2, None, None))
        self.assertIn("pending 0002_alone 2 of 3 statements done", self.shown(plan))

    def test_failed(self):
        db = self.lab.database()
        plan = self.lab.plan({"0001_alone.sql": "select 1;\nselect nowhere;\nselect 3;\n"}, db,
                             migrations=[{"file": "0001_alone.sql", "transaction": "no"}])
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 1, "failed")
        self.assertIn("failed 0001_alone 1 of 3 statements done 0001_alone.sql:2:8: column",
                      self.shown(plan))
        db = self.lab.database()
        plan = self.lab.plan({}, db, migrations=[
            {"id": "seed", "command": ["sh", "-c", "exit 3"]}])
        self.ends(self.lab.run("run", plan=plan, event=self.lab.event()), 1, "failed")
        self.assertRegex(self.shown(plan), "failed seed exit status 3 .*ended with exit status 3")
        self.assertEqual(self.rows(plan)["seed"]["exit_status"], 3)

    def test_the_last_run_of_what_runs_in_each(self):
        _, plan = self.made(("cache", "applied", "every", 0, None, 0))
        self.assertIn("every cache 2031-03-14T09:26:53.000Z", self.shown(plan))
        _, plan = self.made(("cache", "failed", "every", 0, None, 7))
        self.assertIn("every cache exit status 7", self.shown(plan))
        _, plan = self.made(("cache", "started", "every", 0, 0, None))
        self.assertIn("every cache cut off", self.shown(plan))

    def test_skipped(self):
        _, plan = self.made(("0002_alone", "skipped", "alone", 0, None, None))
        self.assertIn("skipped 0002_alone", self.shown(plan))
        self.assertEqual(self.rows(plan)["0002_alone"]["state"], "skipped")


if __name__ == "__main__":
    main()
