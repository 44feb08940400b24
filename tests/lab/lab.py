"""The laboratory: PostgreSQL and PgBouncer in a temporary folder, and postlude run against them.

    with Lab() as lab:
        db = lab.database()
        plan = lab.plan({"0001_a.sql": "create table a (id int);"}, db)
        result = lab.run("run", plan=plan, event=lab.event())
        assert result.code == 0, result

Standard library only. PostgreSQL is talked to through psql. Everything listens on free loopback
ports, lives in one temporary folder, and is ended by its process id: at the end of the block, at
exit, on SIGTERM and SIGINT, and, when we are killed, by the kernel.

Each run is searched for the laboratory's secrets; so are, at the end, the ledgers and the messages
that the AWS stand-in got. A secret found raises Leak.
"""

import atexit
import contextlib
import fcntl
import glob
import itertools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

from certificates import Authority
from plans import write_plan
from processes import own, with_parent
from runs import Leak, Run, find_secret, spellings
from servers import POOLER_ADMIN, SUPERUSER, PgBouncer, PostgreSQL

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Everything that a shell, a URL, a conninfo string, YAML, JSON or SQL would trip over.
NASTY_PASSWORD = "p@ss'w\"ord %{}$\\é;#&=: "


PREFIX = "postlude-lab-"


def hold(folder):
    """Marks folder as in use for as long as the stream returned is open and we live."""
    stream = open(f"{folder}/starting", "wb")
    fcntl.flock(stream, fcntl.LOCK_EX)
    os.rename(stream.name, f"{folder}/alive")
    return stream


def sweep():
    """Removes the folders of laboratories that were killed, told by a lock that nobody holds."""
    for mark in glob.glob(f"/tmp/{PREFIX}*/alive"):
        try:
            with open(mark, "r+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(os.path.dirname(mark), ignore_errors=True)
        except OSError:
            continue  # in use, somebody else's, or gone already


class Stopped(KeyboardInterrupt):
    """SIGTERM: unwinds like ^C, so that every clean-up runs."""


def _on_sigterm(_number, _frame):
    raise Stopped("SIGTERM")


class Trap:
    """A listener that answers nothing and counts who came: a database never to be contacted."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def visitors(self):
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
                count += 1
            except BlockingIOError:
                return count

    def close(self):
        self._socket.close()


def dead_port():
    """A loopback port where nobody listens, and where nobody else can while we live."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    _HELD.append(holder)
    return holder.getsockname()[1]


_HELD = []


class Lab:
    """A running PostgreSQL (`direct`) with a PgBouncer in front (`pooler`): ports of 127.0.0.1.

    Roles: `lab` (superuser), `migrator` (login, member of orders_owner), `orders_owner` (owns the
    databases; no login), `app` (login, nothing granted), `outsider` (login, may only connect).
    """

    def __init__(self, pool_size=10, pooler=True, aws=None, settings=()):
        self.pool_size = pool_size
        self.with_pooler = pooler
        self.settings = settings
        self.aws = aws  # a started AWS stand-in; anything with environment(), secrets(), messages()
        self.folder = None
        self.passwords = {SUPERUSER: secrets.token_urlsafe(18),
                          POOLER_ADMIN: secrets.token_urlsafe(18),
                          "migrator": NASTY_PASSWORD,
                          "app": secrets.token_urlsafe(18),
                          "outsider": secrets.token_urlsafe(18)}
        self.server = None
        self.bouncer = None
        self._numbers = itertools.count(1)
        self._databases = []
        self._doors = []

    # Life ------------------------------------------------------------------------------------

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _on_sigterm)
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
        atexit.register(self._demolish)
        sweep()
        self.folder = tempfile.mkdtemp(prefix=PREFIX, dir="/tmp")
        os.chmod(self.folder, 0o755)
        self._alive = hold(self.folder)
        try:
            self._build()
        except BaseException:
            self._demolish()
            raise
        return self

    def _build(self):
        authority = Authority(self.folder, "ca")
        self.ca_file = authority.certificate
        self.wrong_ca_file = Authority(self.folder, "wrong-ca").certificate
        self._certificate = certificate = f"{self.folder}/server"
        authority.issue(certificate, ["DNS:localhost", "IP:127.0.0.1"])
        own(f"{certificate}.key", 0o600)
        self.server = PostgreSQL(self.folder, self.passwords[SUPERUSER], certificate, self.settings)
        self.server.start()
        self._create_roles()
        if self.with_pooler:
            self.bouncer = PgBouncer(self.folder, self.server.port, certificate, self.ca_file,
                                     self.pool_size)
            self.bouncer.configure(self._pooler_users())
            self.bouncer.start()
            self.console("SHOW VERSION")  # it is ours that answers there

    def _create_roles(self):
        self.psql("create role orders_owner nologin; " + "".join(
            f"create role {role} login password {literal(self.passwords[role])}; "
            for role in ("migrator", "app", "outsider")) + "grant orders_owner to migrator;")

    def _pooler_users(self):
        rows = self.rows("select rolname, rolpassword from pg_authid where rolcanlogin")
        users = {row["rolname"]: row["rolpassword"] for row in rows}
        users[POOLER_ADMIN] = self.passwords[POOLER_ADMIN]
        return users

    def stop(self):
        """Looks for secrets where they may have been left, then takes everything down."""
        try:
            self.check_left_behind()
        finally:
            self._demolish()

    def _demolish(self):
        if not self.folder:
            return
        folder, self.folder = self.folder, None
        for door in self._doors:
            door.stop()
        for server in (self.bouncer, self.server):
            if server:
                server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        self._alive.close()
        atexit.unregister(self._demolish)

    # Databases -------------------------------------------------------------------------------

    @property
    def direct(self):
        return self.server.port

    @property
    def pooler(self):
        return self.bouncer.port

    def database(self, owner="orders_owner", pool_size=None):
        """A fresh, empty database. pool_size: server connections the pooler may use for it."""
        name = f"db{next(self._numbers)}"
        self.psql(f"create database {name} template template0 owner {owner}")
        self._databases.append(name)
        if pool_size:
            self.bouncer.configure(self._pooler_users(), {name: pool_size})
            self.console("RELOAD")
        return name

    def drop(self, db):
        """Removes a database, searched for secrets as all are at the end."""
        self._check_ledger(db)
        self._databases.remove(db)
        self.psql(f"drop database {db} with (force)")

    def role(self, name, password=None, options=""):
        """One more role (a login when it gets a password), known to the pooler as well."""
        login = f"login password {literal(password)}" if password else "nologin"
        self.psql(f"create role {name} {login} {options}")
        if password:
            self.passwords[name] = password
            if self.bouncer:
                self.bouncer.configure(self._pooler_users())
                self.console("RELOAD")

    def door(self, users=("migrator",), host="127.0.0.1"):
        """An open Door to the server, as an instance of RDS with IAM authentication: it lets in
        these users with a token for host, its port, and their name."""
        self.server.trust_us_as(users)
        door = self.aws.door(self.server.socket_path, self._certificate, users, host)
        self._doors.append(door)
        return door

    def psql(self, sql, db="postgres", user=SUPERUSER, port=None, check=True):
        """Runs sql; returns what it printed, unaligned, without headers. As the superuser it goes
        through the socket, as anybody else over TCP with verified TLS to port (default: direct)."""
        done = self._psql(sql, db, user, port)
        if check and done.returncode:
            raise RuntimeError(f"psql failed on {db}: {done.stderr}\nsql: {sql[:2000]}")
        return done.stdout.rstrip("\n")

    def psql_error(self, sql, **where):
        """Runs sql and returns what psql says on stderr."""
        return self._psql(sql, where.get("db", "postgres"), where.get("user", SUPERUSER),
                          where.get("port")).stderr

    def _psql(self, sql, db, user, port):
        return subprocess.run(self._psql_command(), input=sql, check=False, cwd="/", text=True,
                              env=self._psql_environment(db, user, port), capture_output=True)

    def _psql_command(self):
        return [f"{self.server.programs}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"]

    def _psql_environment(self, db, user, port):
        host = self.server.sockets if user == SUPERUSER and not port else "127.0.0.1"
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSWORD": self.passwords[user],
                "PGHOST": host, "PGPORT": str(port or self.direct), "PGUSER": user,
                "PGDATABASE": db, "PGSSLMODE": "prefer" if host.startswith("/") else "verify-full",
                "PGSSLROOTCERT": self.ca_file, "PGCONNECT_TIMEOUT": "10",
                "PGCLIENTENCODING": "UTF8"}

    @contextlib.contextmanager
    def session(self, db, sql, user=SUPERUSER, port=None):
        """Runs sql beside the block, and ends it with the block: to hold a lock. It begins a
        transaction, or is one statement; the last one must be one that lasts, such as pg_sleep: it
        runs when the block starts."""
        process = subprocess.Popen(with_parent(self._psql_command()), text=True, cwd="/",
                                   env=self._psql_environment(db, user, port),
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        name = f"session{next(self._numbers)}"
        # In one message with the first statement, or a pooler might let others in between.
        process.stdin.write(f"set application_name = '{name}'\\; {sql}\n")
        process.stdin.close()
        mine = f"from pg_stat_activity where application_name = '{name}'"
        try:
            self.wait_for(db, f"select count(*) {mine} and wait_event = 'PgSleep'", "1")
            yield
        finally:
            self.psql(f"select pg_terminate_backend(pid, 5000) {mine}", db)
            process.kill()
            process.wait()

    def wait_for(self, db, query, value, seconds=30):
        """Waits until a query gives this value; raises when it does not."""
        end = time.monotonic() + seconds
        while self.value(query, db) != value:
            if time.monotonic() > end:
                raise RuntimeError(f"not {value} within {seconds} s: {query}")
            time.sleep(0.05)

    def rows(self, query, db="postgres"):
        """The rows of a query as dictionaries."""
        text = self.psql(f"select coalesce(json_agg(to_json(q)), '[]') from ({query}) q", db)
        return json.loads(text)

    def value(self, query, db="postgres"):
        """The one value of a query, as psql prints it."""
        return self.psql(query, db)

    def console(self, command):
        """A command on PgBouncer's own console."""
        return self.psql(command, db="pgbouncer", user=POOLER_ADMIN, port=self.pooler)

    def migrations(self, db, plan="orders"):
        """The ledger's rows of a plan by id; empty when there is no ledger."""
        if not self.has_ledger(db):
            return {}
        rows = self.rows(f"select * from postlude.migration where plan = {literal(plan)}", db)
        return {row["id"]: row for row in rows}

    def runs(self, db, plan="orders"):
        """The ledger's runs of a plan, oldest first."""
        if not self.has_ledger(db):
            return []
        return self.rows(f"select * from postlude.run where plan = {literal(plan)} "
                         "order by started_at, run_id", db)

    def has_ledger(self, db):
        return self.value("select to_regclass('postlude.run') is not null", db) == "t"

    def fingerprint(self, db, ledger=True):
        """A digest of a database's schema and rows: two equal ones mean nothing has changed.
        Without the ledger, whose times and ids differ, databases can be compared with each other.
        """
        query = FINGERPRINT if ledger else FINGERPRINT.replace(
            "<> 'information_schema'", "not in ('information_schema', 'postlude')")
        return self.value(query, db)

    @contextlib.contextmanager
    def hanging_up(self):
        """A port that takes connections and ends them at once."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            done = threading.Event()

            def serve():
                while not done.is_set():
                    with contextlib.suppress(OSError):
                        listener.accept()[0].close()

            listener.settimeout(0.2)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            try:
                yield listener.getsockname()[1]
            finally:
                done.set()
                thread.join()

    # Runs ------------------------------------------------------------------------------------

    def plan(self, files, db="postgres", **changes):
        """Writes a plan folder and returns the path of its postlude.yaml: see plans.write_plan."""
        return write_plan(f"{self.folder}/plan{next(self._numbers)}", files, db, changes)

    def environment(self, port=None):
        """The variables that a run gets, and nothing of ours."""
        port = port or (self.pooler if self.bouncer else self.direct)
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "DB_HOST": "127.0.0.1",
               "DB_PORT": str(port), "DB_PASSWORD": self.passwords["migrator"],
               "DB_CA_FILE": self.ca_file}
        if self.aws:
            env.update(self.aws.environment())
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            # 1, the sanitizers' own exit code for a leak, could be taken for a run that failed.
            env[name] = "exitcode=99:" + os.environ.get(name, "")
        return env

    def command(self, *args, plan=None):
        """The program and its arguments. POSTLUDE names the binary, POSTLUDE_UNDER a wrapper."""
        binary = os.environ.get("POSTLUDE", f"{REPOSITORY}/build/cmd/postlude")
        where = ["--plan", plan] if plan else []
        return [*os.environ.get("POSTLUDE_UNDER", "").split(), binary, *args, *where]

    def start_run(self, *args, plan=None, event=None, env=None, port=None, under=(), stdin=None):
        """Starts postlude and returns the process: pipes for stdout and stderr. A variable that is
        None in env is taken out."""
        variables = {**self.environment(port), **(env or {})}
        if event is not None:
            variables["POSTLUDE_EVENT"] = event
        variables = {name: value for name, value in variables.items() if value is not None}
        return subprocess.Popen(with_parent([*under, *self.command(*args, plan=plan)]),
                                env=variables, cwd=self.folder,
                                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process, stdin=None, timeout=120):
        """Waits for a process of start_run; its Run, searched for secrets."""
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise RuntimeError(f"postlude took more than {timeout} s; so far:\n"
                               f"{out.decode(errors='replace')}\n{err.decode(errors='replace')}"
                               ) from None
        run = Run(process.args, process.returncode, out, err)
        self.check_secrets("stdout", out)
        self.check_secrets("stderr", err)
        return run

    def run(self, *args, stdin=None, timeout=120, as_json=True, **how):
        """Runs postlude to its end: a Run. as_json adds --json."""
        extra = ["--json"] if as_json and "--json" not in args else []
        return self.finish(self.start_run(*args, *extra, stdin=stdin, **how), stdin, timeout)

    def event(self, state="SUCCEEDED", pipeline="orders-prod", execution_id=None, attempt=1.0,
              **changes):
        """A CodePipeline event as EventBridge sends it, as JSON text; changes replace or add (or,
        when None, drop) members of the envelope, `detail` members of the detail."""
        detail = {"pipeline": pipeline, "execution-id": execution_id or str(uuid.uuid4()),
                  "start-time": "2031-03-14T09:11:02.481Z", "state": state, "version": 6.0,
                  "pipeline-execution-attempt": attempt, **changes.pop("detail", {})}
        envelope = {"version": "0", "id": str(uuid.uuid4()),
                    "detail-type": "CodePipeline Pipeline Execution State Change",
                    "source": "aws.codepipeline", "account": "210987654321",
                    "time": "2031-03-14T09:26:53Z", "region": "eu-west-3",
                    "resources": [f"arn:aws:codepipeline:eu-west-3:210987654321:{pipeline}"],
                    "detail": {k: v for k, v in detail.items() if v is not None}, **changes}
        return json.dumps({k: v for k, v in envelope.items() if v is not None})

    # Secrets ---------------------------------------------------------------------------------

    def secrets(self):
        """What must be seen nowhere: what the runs get to know, and what belongs to us."""
        known = list(self.passwords.values())
        if self.aws:
            known += self.aws.secrets()
        return known

    def check_secrets(self, place, text):
        """Raises Leak when text, of that place, holds a secret in any usual spelling."""
        found = find_secret(self.secrets(), text)
        if found:
            raise Leak(f"a secret is in {place}: ...{found}...")

    def check_left_behind(self):
        """The same for every ledger, the server's view of us, and the messages published."""
        for db in self._databases:
            self._check_ledger(db)
        if self.aws:
            self.check_secrets("a published message", json.dumps(self.aws.messages(), default=str))

    def _check_ledger(self, db):
        for table in ("plan", "run", "migration"):
            if self.value(f"select to_regclass('postlude.{table}') is not null", db) == "t":
                self.check_secrets(f"postlude.{table} of {db}", self.value(
                    f"select to_json(t) from postlude.{table} t", db))


def literal(text):
    """An SQL string literal."""
    return " E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# Tables, columns, indexes, owners, privileges and settings; then each table's rows, by their order.
FINGERPRINT = r"""
select md5(string_agg(line, E'\n' order by line)) from (
  select format('%s %s %s %s %s', n.nspname, c.relname, c.relkind, c.relowner::regrole, c.relacl)
    as line from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  union all
  select format('%s %s %s %s', a.attrelid::regclass, a.attname, a.atttypid::regtype, a.attnotnull)
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  union all
  select query_to_xml(format('select * from %s t order by t::text', c.oid::regclass), true, true,
    '')::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  union all
  select format('%s', p.oid::regprocedure) from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema') lines
"""

__all__ = ["Lab", "Leak", "Run", "Stopped", "Trap", "dead_port", "literal", "spellings"]
