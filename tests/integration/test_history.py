"""History and plan disagree: changed, out of order, older or parted images."""

import hashlib

from case import ORDERS, ORDER_IDS, LabCase, main, setUpModule  # noqa: F401


def checksum(text):
    """The contract's: no BOM, LF, no blanks or line ends at the end of the file."""
    canonical = text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip(" \t\n\r")
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


class History(LabCase):
    """Each starts from a database with the three migrations of ORDERS."""

    def setUp(self):
        self.db, _ = self.deployed()

    def run_files(self, files, **changes):
        return self.lab.run("run", plan=self.lab.plan(files, self.db, **changes),
                            event=self.lab.event())

    def conflicts(self, files, *words, **changes):
        before = (self.tables(self.db), self.states(self.db))
        run = self.run_files(files, **changes)
        report = self.ends(run, 6, "conflict")
        self.assertEqual(report["applied"], [])
        self.assertEqual((self.tables(self.db), self.states(self.db)), before)
        self.assertTrue(report["error"]["hint"], run)
        for word in words:
            self.assertIn(word, run.out, run)
        return report

    def test_checksums_are_of_the_canonical_text(self):
        rows = self.lab.migrations(self.db)
        self.assertEqual({key: row["checksum"] for key, row in rows.items()},
                         {name[:-4]: checksum(text) for name, text in ORDERS.items()})

    def test_changed_file(self):
        changed = {**ORDERS, "0002_index_orders.sql": "create index orders_total on orders (id);\n",
                   "0004_new.sql": "create table new (a int);\n"}
        self.conflicts(changed, "0002_index_orders", checksum(ORDERS["0002_index_orders.sql"]),
                       checksum(changed["0002_index_orders.sql"]))

    def test_other_line_ends_are_no_change(self):
        files = {name: "\ufeff" + text.replace("\n", "\r\n") + "  \r\n\n"
                 for name, text in ORDERS.items()}
        self.ends(self.run_files(files), 0, "nothing")

    def test_out_of_order(self):
        files = {**ORDERS, "0001a_between.sql": "create table between_them (a int);\n"}
        self.conflicts(files, "0001a_between", migrations=sorted(files))

    def test_out_of_order_admitted(self):
        files = {**ORDERS, "0001a_between.sql": "create table between_them (a int);\n",
                 "0004_after.sql": "create table after (a int);\n"}
        entries = sorted(files)
        entries[1] = {"file": entries[1], "out_of_order": "hotfix of 2031-03-01"}
        report = self.ends(self.run_files(files, migrations=entries), 0, "applied")
        self.assertEqual([step["id"] for step in report["applied"]],
                         ["0001a_between", "0004_after"])

    def test_older_image(self):
        files = dict(list(ORDERS.items())[:2])
        run = self.run_files(files)
        self.ends(run, 0, "nothing")
        self.assertIn(ORDER_IDS[2], run.out, "it says which migration it does not know")

    def test_parted_histories(self):
        files = {**dict(list(ORDERS.items())[:2]), "0003_mine.sql": "create table mine (a int);\n"}
        self.conflicts(files, ORDER_IDS[2], "0003_mine")

    def test_renamed_file(self):
        files = {name.replace("add_note", "renamed"): text for name, text in ORDERS.items()}
        self.conflicts(files, "0003_renamed", "id: 0003_add_note")

    def test_reordered_but_applied_is_fine(self):
        # Everything is there: the order in which it came is history.
        self.ends(self.run_files(ORDERS, migrations=list(ORDERS)[::-1]), 0, "nothing")

    def test_a_conflict_is_on_record(self):
        self.conflicts({**ORDERS, "0001_create_orders.sql": "select 1;\n"})
        self.assertEqual([run["outcome"] for run in self.lab.runs(self.db)],
                         ["applied", "conflict"])

    def test_somebody_elses_schema_of_that_name(self):
        db = self.lab.database()
        self.lab.psql("create schema postlude; create table postlude.run (a int)", db)
        run = self.lab.run("run", plan=self.lab.plan(ORDERS, db), event=self.lab.event())
        self.assertNotEqual(run.code, 0, run)
        self.assertNotEqual(run.report["outcome"], "internal", run)
        self.assertEqual(self.tables(db), set())


if __name__ == "__main__":
    main()
