"""Nothing of a migration reaches the next client of a pooler: a pool of one server connection shows it."""

import json
import signal

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

LEAKY = r"""
set search_path = pg_catalog;
set statement_timeout = '1h';
set session lock_timeout = '1h';
set work_mem = '7MB';
set timezone = 'Asia/Kathmandu';
set client_min_messages = 'error';
set orders.tenant = 'seven';
set application_name = 'somebody else';
set synchronous_commit = off;
set session characteristics as transaction isolation level serializable;
select set_config('default_transaction_read_only', 'on', false);
do $$ begin set standard_conforming_strings = off; end $$;
create function pg_temp.f() returns void language sql as $$ set work_mem = '9MB' $$; select pg_temp.f();
do $$ begin perform set_config('statement_timeout', '1h', false); execute 'listen orders'; perform pg_advisory_lock(4712); end $$;
set role orders_owner;
set role none;
listen orders;
create temporary table scratch (a int);
prepare orders_by_id as select 1;
declare c cursor with hold for select 1;
select pg_advisory_lock(4711);
"""
KINDS = LEAKY.strip().split("\n")


def seen(number):
    """A migration that writes down what it sees, but for the name, which is its own."""
    return (f"create table seen{number} as select (select j::jsonb - 'application' from ("
            f"{SESSION}) s(j)) as seen;\n")


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

    def test_each_kind_after_success_and_for_the_next_migration(self):
        for kind in KINDS:
            with self.subTest(kind):
                db = self.leaves_nothing({"0001_seen.sql": seen(1), "0002_leak.sql": kind + "\n",
                                          "0003_seen.sql": seen(3)})
                self.assertEqual(self.lab.psql("select * from public.seen1", db),
                                 self.lab.psql("select * from public.seen3", db))

    def test_each_kind_after_a_failure(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.leaves_nothing({"0001_it.sql": kind + "\nselect 1/0;\n"}, code=1)

    def test_all_of_them_interrupted(self):
        db = self.lab.database(pool_size=1)
        before, backend = self.session(db), self.backend(db)
        process = self.lab.start_run("run", "--json", event=self.lab.event(), plan=self.lab.plan(
            {"0001_it.sql": LEAKY + "select pg_sleep(60);\n"}, db))
        self.lab.wait_for(db, "select count(*) from pg_stat_activity where datname = "
                              "current_database() and wait_event = 'PgSleep'", "1")
        process.send_signal(signal.SIGTERM)
        self.ends(self.lab.finish(process), 7, "interrupted")
        self.assertEqual(self.backend(db), backend)
        self.assertEqual(self.session(db), before)

    def test_all_of_them_at_once(self):
        self.leaves_nothing({"0001_it.sql": LEAKY})

    def test_a_migration_that_fails(self):
        self.leaves_nothing({"0001_it.sql": LEAKY + "select nowhere;\n"}, code=1)

    def test_the_next_migration_sees_nothing_of_all(self):
        db = self.leaves_nothing({"0001_seen.sql": seen(1), "0002_leak.sql": LEAKY,
                                  "0003_seen.sql": seen(3)})
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
