"""PostgreSQL and PgBouncer as a laboratory needs them: throw-away, TLS, SCRAM, free ports.

Debian's newest PostgreSQL is taken from /usr/lib/postgresql; its clusters and services are left
alone.
"""

import glob
import os
import pwd
import signal
import socket
import subprocess

from processes import Child, free_port, own, wait_until, with_parent

SUPERUSER = "lab"
POOLER_ADMIN = "pooler_admin"
STARTS = 5  # a port may be taken between our look and the server's bind


def program_folder():
    """bin/ of the newest PostgreSQL server on this machine."""
    folders = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not folders:
        raise RuntimeError("no PostgreSQL server below /usr/lib/postgresql")
    return os.path.dirname(max(folders, key=lambda path: float(path.split("/")[4])))


def answers(address, port):
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


class PostgreSQL:
    """One cluster below folder. `port` listens on 127.0.0.1, TLS only; the socket is in `sockets`.
    """

    def __init__(self, folder, password, certificate, settings=()):
        self.programs = program_folder()
        self.data = f"{folder}/data"
        self.sockets = f"{folder}/sockets"
        self.log = f"{folder}/postgresql.log"
        self.child = None
        self.port = None
        self._password = password
        self._trusted = set()
        for path in (self.data, self.sockets):
            os.mkdir(path)
            own(path, 0o700 if path == self.data else 0o755)
        self._initdb(folder, password)
        self._admit([])
        with open(f"{self.data}/postgresql.auto.conf", "w", encoding="utf-8") as conf:
            conf.writelines(f"{line}\n" for line in (
                "listen_addresses = '127.0.0.1'", f"unix_socket_directories = '{self.sockets}'",
                "ssl = on", f"ssl_cert_file = '{certificate}.crt'",
                f"ssl_key_file = '{certificate}.key'", "fsync = off", "full_page_writes = off",
                "shared_buffers = 16MB", "max_connections = 200", "max_wal_size = 256MB",
                "log_connections = on", "log_line_prefix = '%m [%p] %q%u@%d %a '",
                "timezone = 'UTC'", *settings))

    def _admit(self, users):
        """Who may connect how: with a password, and we as users, without one, over the socket."""
        with open(f"{self.data}/pg_hba.conf", "w", encoding="utf-8") as hba:
            hba.writelines(f'local all "{name}" peer map=door\n' for name in users)
            hba.write("local all all scram-sha-256\nhostssl all all 127.0.0.0/8 scram-sha-256\n")
        with open(f"{self.data}/pg_ident.conf", "w", encoding="utf-8") as ident:
            ours = pwd.getpwuid(os.geteuid()).pw_name
            ident.writelines(f'door "{ours}" "{name}"\n' for name in users)

    def trust_us_as(self, users):
        """Lets this system's user, which we are, connect as users over the socket."""
        self._trusted.update(users)
        self._admit(sorted(self._trusted))
        before = self._loaded()
        self.child.signal(signal.SIGHUP)
        if not wait_until(lambda: self._loaded() != before, self.child):
            raise RuntimeError("PostgreSQL did not read its configuration")

    def _loaded(self):
        """When the postmaster read its configuration, as a new session sees it."""
        return subprocess.run(
            [f"{self.programs}/psql", "-XqAtc", "select pg_conf_load_time()"], check=True,
            capture_output=True, text=True, cwd="/", env={
                "PATH": "/usr/bin:/bin", "PGHOST": self.sockets, "PGPORT": str(self.port),
                "PGUSER": SUPERUSER, "PGPASSWORD": self._password,
                "PGDATABASE": "postgres"}).stdout

    @property
    def socket_path(self):
        """The Unix socket."""
        return f"{self.sockets}/.s.PGSQL.{self.port}"

    def _initdb(self, folder, password):
        secret = f"{folder}/superuser"
        with open(secret, "w", encoding="utf-8") as stream:
            stream.write(password)
        own(secret, 0o600)
        argv = [f"{self.programs}/initdb", "-D", self.data, "-U", SUPERUSER, f"--pwfile={secret}",
                "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(with_parent(argv, unprivileged=True), cwd="/", text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        os.unlink(secret)
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def start(self):
        for _ in range(STARTS):
            port = self.port or free_port()
            # SIGQUIT when we die: the postmaster ends all its children at once.
            self.child = Child([f"{self.programs}/postgres", "-D", self.data, "-p", str(port)],
                               self.log, stop_signal=signal.SIGINT, death_signal="QUIT")
            if wait_until(lambda port=port: self._ready(port), self.child):
                self.port = port
                return
        raise RuntimeError(f"PostgreSQL did not start:\n{self.child.text()[-4000:]}")

    def _ready(self, port):
        done = subprocess.run([f"{self.programs}/pg_isready", "-q", "-h", self.sockets,
                               "-p", str(port)], check=False)
        return done.returncode == 0

    def stop(self):
        if self.child:
            self.child.stop()

    def restart(self, mode="fast"):
        """Stops and starts it, on the same port: "fast" ends the sessions and writes everything
        out, "immediate" is a crash, after which it recovers."""
        self.child.signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        self.child.process.wait(30)
        self.start()


class PgBouncer:
    """A pooler in transaction mode in front of a PostgreSQL: TLS and SCRAM on both sides.

    It listens on 127.0.0.1 and on 127.0.0.2, which its certificate does not name. It ignores no
    startup parameter and resets no server between clients, as transaction mode does by default.
    """

    def __init__(self, folder, server_port, certificate, authority, pool_size):
        self.folder = f"{folder}/pgbouncer"
        self.log = f"{folder}/pgbouncer.log"
        self.child = None
        self.port = None
        self._server_port = server_port
        self._certificate = certificate
        self._authority = authority
        self._pool_size = pool_size
        self._databases = {}
        os.mkdir(self.folder)
        own(self.folder, 0o700)

    def configure(self, users, databases=None):
        """Writes its files; users maps names to passwords or SCRAM verifiers, databases maps names
        to pool sizes. Takes effect at start, or by RELOAD on its console."""
        self._databases.update(databases or {})
        with open(f"{self.folder}/userlist.txt", "w", encoding="utf-8") as stream:
            for name, secret in users.items():
                quoted = secret.replace('"', '""')
                stream.write(f'"{name}" "{quoted}"\n')
        place = f"host=127.0.0.1 port={self._server_port}"
        sized = "".join(f"{name} = {place} pool_size={size}\n"
                        for name, size in self._databases.items())
        with open(f"{self.folder}/pgbouncer.ini", "w", encoding="utf-8") as stream:
            stream.write(f"""[databases]
{sized}* = {place}

[pgbouncer]
listen_addr = 127.0.0.1,127.0.0.2
unix_socket_dir =
pool_mode = transaction
default_pool_size = {self._pool_size}
max_client_conn = 500
server_idle_timeout = 20
server_login_retry = 1
auth_type = scram-sha-256
auth_file = {self.folder}/userlist.txt
admin_users = {POOLER_ADMIN}
client_tls_sslmode = require
client_tls_cert_file = {self._certificate}.crt
client_tls_key_file = {self._certificate}.key
server_tls_sslmode = verify-full
server_tls_ca_file = {self._authority}
%include {self.folder}/port.ini
""")

    def start(self):
        for _ in range(STARTS):
            port = self.port or free_port()
            with open(f"{self.folder}/port.ini", "w", encoding="utf-8") as stream:
                stream.write(f"listen_port = {port}\n")
            self.child = Child(["/usr/sbin/pgbouncer", f"{self.folder}/pgbouncer.ini"], self.log)
            if wait_until(lambda port=port: answers("127.0.0.1", port), self.child):
                self.port = port
                return
        raise RuntimeError(f"PgBouncer did not start:\n{self.child.text()[-4000:]}")

    def stop(self):
        if self.child:
            self.child.stop()

    def restart(self):
        """Stops and starts it, on the same port; its clients are dropped."""
        self.child.stop()
        self.start()
