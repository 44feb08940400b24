"""Nothing of ours reaches the next client of a pooler: a pool of one server connection shows it."""

import json

from case import ORDERS, LabCase, main, setUpModule  # noqa: F401

# What the next client of the same server connection would see.
SESSION = """
select json_build_object(
  'search_path', current_setting('search_path'),
  'statement_timeout', current_setting('statement_timeout'),
  'lock_timeout', current_setting('lock_timeout'),
  'transaction_isolation', current_setting('default_transaction_isolation'),
  'read_only', current_setting('default_transaction_read_only'),
  'work_mem', current_setting('work_mem'),
  'conforming', current_setting('standard_conforming_strings'),
  'encoding', current_setting('client_encoding'),
  'timezone', current_setting('timezone'),
  'messages', current_setting('client_min_messages'),
  'check', current_setting('client_connection_check_interval'),
  'synchronous', current_setting('synchronous_commit'),
  'replication', current_setting('session_replication_role'),
  'own', coalesce(current_setting('orders.tenant', true), ''),
  'user', current_user, 'session', session_user, 'role', current_setting('role'),
  'application', current_setting('application_name'),
  'listening', (select count(*) from pg_listening_channels()),
  'temporary', (select count(*) from pg_class where relpersistence = 't'),
  'prepared', (select count(*) from pg_prepared_statements),
  'cursors', (select count(*) from pg_cursors where name <> ''),
  'locks', (select count(*) from pg_locks
     where locktype = 'advisory' and pid = pg_backend_pid()))
"""

LEAKY = """
set search_path = pg_catalog;
set statement_timeout = '1h';
set session lock_timeout = '1h';
set work_mem = '7MB';
set timezone = 'Asia/Kathmandu';
set client_min_messages = 'error';
set orders.tenant = 'seven';
set session characteristics as transaction isolation level serializable;
select set_config('default_transaction_read_only', 'on', false);
set role orders_owner;
listen orders;
create temporary table scratch (a int);
prepare orders_by_id as select 1;
declare c cursor with hold for select 1;
select pg_advisory_lock(4711);
"""


class Pool(LabCase):
    """Each test has a database with a single server connection."""

    def session(self, db):
        return json.loads(self.lab.psql(SESSION, db, user="migrator", port=self.lab.pooler))

    def backend(self, db):
        return self.lab.psql("select pg_backend_pid()", db, user="migrator", port=self.lab.pooler)

    def leaves_nothing(self, files, code=0, **how):
        db = self.lab.database(pool_size=1)
        before, backend = self.session(db), self.backend(db)
        run = self.lab.run("run", plan=self.lab.plan(files, db), event=self.lab.event(), **how)
        self.assertEqual(run.code, code, run)
        self.assertEqual(self.backend(db), backend, "another backend: the test shows nothing")
        self.assertEqual(self.session(db), before)
        return db

    def test_a_run_on_a_pool_of_one(self):
        self.leaves_nothing(ORDERS)

    def test_session_settings_of_a_migration(self):
        for line in LEAKY.strip().split("\n"):
            with self.subTest(line):
                self.leaves_nothing({"0001_it.sql": f"create table t (a int);\n{line}\n"})

    def test_all_of_them_at_once(self):
        self.leaves_nothing({"0001_it.sql": LEAKY})

    def test_hidden_in_a_function(self):
        self.leaves_nothing({"0001_it.sql": "do $$ begin\n"
                                            "perform set_config('statement_timeout', '1h', false);"
                                            "\nset search_path = pg_catalog;\n"
                                            "perform pg_advisory_lock(4711);\n"
                                            "execute 'listen orders';\nend $$;\n"})

    def test_a_migration_that_fails(self):
        self.leaves_nothing({"0001_it.sql": LEAKY + "select nowhere;\n"}, code=1)

    def test_the_next_migration_sees_nothing_either(self):
        seen = ("create table seen{0} as select current_setting('search_path') as path, "
                "current_setting('statement_timeout') as timeout, current_user::text as usr, "
                "current_setting('default_transaction_read_only') as ro;\n")
        db = self.leaves_nothing({"0001_seen.sql": seen.format(1), "0002_leak.sql": LEAKY,
                                  "0003_seen.sql": seen.format(3)})
        self.assertEqual(self.lab.psql("select * from public.seen1", db),
                         self.lab.psql("select * from public.seen3", db))

    def test_a_refused_conflict_and_a_status(self):
        db = self.leaves_nothing(ORDERS)
        before = self.session(db)
        changed = {**ORDERS, "0001_create_orders.sql": "select 2;\n"}
        run = self.lab.run("run", plan=self.lab.plan(changed, db), event=self.lab.event())
        self.ends(run, 6, "conflict")
        self.lab.run("status", plan=self.lab.plan(changed, db))
        self.lab.run("run", "--dry-run", plan=self.lab.plan(ORDERS, db))
        self.assertEqual(self.session(db), before)

    def test_startup_parameters_are_those_of_any_client(self):
        # The pooler is set to refuse what it does not know; here we see that it refused nobody.
        self.leaves_nothing(ORDERS)
        self.assertNotIn("unsupported startup parameter", self.lab.bouncer.child.text())


if __name__ == "__main__":
    main()
