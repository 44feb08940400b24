"""The shipped Dockerfile, built unchanged, and what it makes, run as strictly as a task can be."""

import contextlib
import email
import glob
import hashlib
import os
import shutil
import struct
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{os.path.dirname(HERE)}/lab", f"{os.path.dirname(HERE)}/integration"]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import debian  # noqa: E402
from aws_endpoint import AwsEndpoint  # noqa: E402
from case import ORDERS, ORDER_IDS, LabCase, main, share_lab  # noqa: E402
from container import Containers  # noqa: E402
from lab import REPOSITORY, Lab  # noqa: E402
from names import ADDRESS, NameServer  # noqa: E402
from stop_case import ASLEEP, SLOW  # noqa: E402
from store import ALPINE, BASE, TOOLS, Store  # noqa: E402
from tools import Failed, missing, mount_for_ourselves, skip  # noqa: E402
from watch import Watch  # noqa: E402

CACHE = os.environ.get("IMAGE_CACHE", f"{REPOSITORY}/build/tests/image")
IMAGE = "localhost/postlude"
ONTO = "localhost/postlude-onto"
LIMIT = 9_000_000  # what the contract with those who pull it says, in bytes, compressed
BUNDLE = "/postlude/etc/ssl/certs/ca-certificates.crt"

# As README says. A library path of the application's must not lead postlude astray.
APPLICATION = f"""FROM {{base}}
COPY --from={ONTO} /postlude /postlude
ENV LD_LIBRARY_PATH=/astray
USER 1234:1234
ENTRYPOINT ["/postlude/bin/postlude"]
"""
OWN_COMMAND = ["/bin/sh", "-c", "echo own command as $(id -u)"]

STORE: Store
CONTAINERS: Containers


def try_out():
    """Skips everything where this machine builds or runs no container at all."""
    STORE.make(ALPINE, debian.musl)
    try:
        STORE.step(ALPINE, "/bin/sh", "-c", "exit 0")
    except Failed as error:
        skip(f"buildah runs no step of a build here: {error}")
    done = CONTAINERS.start(STORE.root(ALPINE), ["/bin/sh", "-c", "exit 5"], "1234:1234", {})
    _, err = done.process.communicate(timeout=60)
    done.remove()
    if done.process.returncode != 5:
        skip(f"runc runs no container here: {err.decode(errors='replace').strip()}")
    STORE.make(BASE, debian.bootstrap)


def timed(what, work, *args, **how):
    started = time.monotonic()
    work(*args, **how)
    print(f"{what}: {time.monotonic() - started:.0f} s", flush=True)


def setUpModule():  # pylint: disable=invalid-name
    global STORE, CONTAINERS  # pylint: disable=global-statement
    try:
        STORE = Store(CACHE)
    except Failed as error:
        skip(f"buildah does not work here: {error}")
    aws = AwsEndpoint().start()
    unittest.addModuleCleanup(aws.stop)
    share_lab(Lab(aws=aws))
    CONTAINERS = Containers(f"{LabCase.lab.folder}/containers")
    timed("two base images, and a container", try_out)
    unittest.addModuleCleanup(STORE.close)
    context = sources()
    timed("the tools", build, TOOLS, context, "--target", "tools")
    timed("the image", build, IMAGE, context)
    timed("the same to copy from", build, ONTO, context, "--target", "onto")


def build(name, context, *options):
    STORE.build(name, "--build-arg", f"BASE={BASE}", "--file", f"{context}/docker/Dockerfile",
                *options, context=context)


def sources():
    """A copy of what is sent to the builder, and in docker/ca the laboratory's authority."""
    folder = f"{LabCase.lab.folder}/sources"
    os.makedirs(folder)
    for name in ("cmd", "docker", "lib", "migrations"):
        shutil.copytree(f"{REPOSITORY}/{name}", f"{folder}/{name}")
    for name in ("LICENSE", "meson.build", "meson_options.txt", ".dockerignore"):
        shutil.copy(f"{REPOSITORY}/{name}", folder)
    shutil.copy(LabCase.lab.ca_file, f"{folder}/docker/ca/own.pem")
    return folder


def fingerprint(folder):
    """A digest of every file's name, kind, owner, mode, time and bytes."""
    found = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            path = f"{place}/{name}"
            state = os.lstat(path)
            found.update(repr((path, state.st_mode, state.st_uid, state.st_gid,
                               state.st_mtime_ns)).encode())
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as stream:
                    found.update(stream.read())
        folders.sort()
    return found.hexdigest()


def without_unwind_tables(data):
    """A 64-bit little-endian ELF file whose sections .eh_frame and .eh_frame_hdr hold zeros."""
    sections, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, sections + size * number)
               for number in range(count)]
    for name, _, _, _, start, length in headers:
        label = headers[names][4] + name
        if data[label:data.index(b"\0", label)] in (b".eh_frame", b".eh_frame_hdr"):
            data = data[:start] + bytes(length) + data[start + length:]
    return data


class ImageCase(LabCase):
    """How postlude is run out of an image."""

    image = IMAGE
    ca_file = "/etc/postlude/ca.pem"

    @classmethod
    def setUpClass(cls):
        cls.config = STORE.config(cls.image)
        cls.root = STORE.root(cls.image)

    @contextlib.contextmanager
    def started(self, *args, plan=None, shown=(), **env):
        """A container of the image; the plan's folder is at /etc/postlude, with the laboratory's
        authority in it. A second one may be started beside it."""
        variables = dict(pair.split("=", 1) for pair in self.config.get("Env") or [])
        variables |= {**self.lab.environment(), "DB_CA_FILE": self.ca_file, **env}
        if plan:
            folder = os.path.dirname(plan)
            self.add_authority(folder)
            shown = [(folder, "/etc/postlude"), *shown]
        container = CONTAINERS.start(self.root, [*self.config["Entrypoint"], *args],
                                     self.config["User"], variables, shown)
        try:
            yield container
        finally:
            container.remove()
            container.process.wait(30)
            for stream in (container.process.stdout, container.process.stderr):
                stream.close()

    def add_authority(self, folder):
        """The laboratory's, where a container can read it."""
        if not os.path.exists(f"{folder}/ca.pem"):
            shutil.copy(self.lab.ca_file, f"{folder}/ca.pem")
            os.chmod(f"{folder}/ca.pem", 0o644)

    def run_in(self, *args, **how):
        with self.started(*args, **how) as container:
            return self.lab.finish(container.process)

    def applies_in(self, files=None, plan=None, **how):
        """A deploy in a container, all of it applied; its database and run."""
        db = self.lab.database()
        plan = self.lab.plan(files or ORDERS, db, **(plan or {}))
        run = self.run_in("run", "--json", plan=plan, POSTLUDE_EVENT=self.lab.event(), **how)
        self.ends(run, 0, "applied")
        return db, run


class Image(ImageCase):
    """The image of its own."""

    def test_runs_a_deploy_and_reports_it(self):
        before = len(self.lab.aws.messages())
        db, run = self.applies_in()
        self.assertEqual([step["id"] for step in run.report["applied"]], ORDER_IDS)
        self.assertEqual(run.report["database"]["via"], "pooler")
        self.assertEqual(self.lab.value("select note from orders", db), "first")
        self.assertEqual(len(self.lab.aws.messages()), before + 1)

    def test_says_its_version(self):
        run = self.run_in("--version")
        self.assertEqual(run.code, 0, run)
        self.assertIn(self.config["Labels"]["org.opencontainers.image.version"], run.out)

    def test_writes_nothing(self):
        self.applies_in()  # runc has made the places to mount at
        before = fingerprint(self.root)
        db = self.lab.database()
        plan = self.lab.plan(ORDERS, db)
        self.add_authority(os.path.dirname(plan))
        planned = fingerprint(os.path.dirname(plan))
        run = self.run_in("run", "--json", plan=plan, POSTLUDE_EVENT=self.lab.event())
        self.ends(run, 0, "applied")
        self.assertEqual(fingerprint(self.root), before)
        self.assertEqual(fingerprint(os.path.dirname(plan)), planned)

    def test_as_process_1_it_is_told_to_stop(self):
        db = self.lab.database()
        plan = self.lab.plan(SLOW, db)
        with self.started("run", "--json", plan=plan,
                          POSTLUDE_EVENT=self.lab.event()) as container:
            watch = Watch(self.lab, container.process)
            self.lab.wait_for(db, ASLEEP, "1")
            status = container.status()
            container.kill("TERM")
            started = time.monotonic()
            run = watch.finish()
        self.assertLess(time.monotonic() - started, 25, run)
        self.ends(run, 7, "interrupted")
        self.assertEqual(self.tables(db), {"first"})
        self.assertEqual(status["NSpid"].split()[-1], "1")
        self.assertEqual(set(status["Uid"].split() + status["Gid"].split()), {"10001"})
        self.assertEqual({status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapInh")},
                         {"0" * 16})
        self.assertEqual(status["NoNewPrivs"], "1")

    def test_finds_hosts_by_file(self):
        hosts = f"{self.lab.folder}/hosts"
        with open(hosts, "w", encoding="ascii") as stream:
            stream.write("127.0.0.1 database.test\n")
        self.applies_in(plan={"database": {"tls": "verify-ca"}}, DB_HOST="database.test",
                        shown=[(hosts, "/etc/hosts")])

    def test_finds_hosts_by_name_server(self):
        server = NameServer("database.example")
        self.addCleanup(server.close)
        resolver = f"{self.lab.folder}/resolv.conf"
        with open(resolver, "w", encoding="ascii") as stream:
            stream.write(f"nameserver {ADDRESS}\n")
        self.applies_in(plan={"database": {"tls": "verify-ca"}}, DB_HOST="database.example",
                        shown=[(resolver, "/etc/resolv.conf")])
        self.assertGreater(server.asked, 0)

    def test_trusts_the_authorities_that_it_was_built_with(self):
        self.applies_in(plan={"database": {"ca_file": None}})

    def test_trusts_nobody_else(self):
        """The default ca_file, without the laboratory's authority in it."""
        debians = f"{self.lab.folder}/debians.pem"
        with open(f"{self.root}{BUNDLE}", encoding="ascii") as stream:
            text = stream.read()
        with open(self.lab.ca_file, encoding="ascii") as stream:
            own = stream.read()
        self.assertIn(own, text)
        with open(debians, "w", encoding="ascii") as stream:
            stream.write(text.replace(own, ""))
        plan = self.lab.plan(ORDERS, self.lab.database(), database={"ca_file": None})
        run = self.run_in("run", "--json", plan=plan, POSTLUDE_EVENT=self.lab.event(),
                          shown=[(debians, BUNDLE)])
        self.ends(run, 4, "unreachable")
        self.assertIn("certificate verify failed", run.report["error"]["message"])


class Example(ImageCase):
    """The image of the CDK example, as its pipeline builds it."""

    image = "localhost/postlude-example"

    @classmethod
    def setUpClass(cls):
        context = f"{REPOSITORY}/config/cdk/example/image"
        STORE.build(cls.image, "--build-arg", f"POSTLUDE={IMAGE}", "--file",
                    f"{context}/Dockerfile", context=context)
        super().setUpClass()

    def test_its_plan_holds(self):
        run = self.run_in("validate", "--json", PIPELINE_NAME="orders", PIPELINE_STAGE="Prod",
                          PIPELINE_ACCOUNT="110987654321", PIPELINE_REGION="eu-west-3",
                          DB_HOST="orders.proxy-1.eu-west-3.rds.amazonaws.com", DB_PORT="5432",
                          DB_NAME="orders", DB_USER="migrator")
        self.assertEqual(run.code, 0, run)
        self.assertEqual(run.report["migrations"], 3, run)
        self.assertEqual(run.report["findings"], [], run)


class Content(ImageCase):
    """What is in the image."""

    def test_is_small(self):
        pushed, usual = map(sum, zip(*STORE.layers(IMAGE)))
        print(f"{usual} bytes compressed by gzip, {pushed} as buildah pushes it", end=" ")
        for size in (pushed, usual):
            self.assertLessEqual(size, LIMIT)
            self.assertGreater(size, LIMIT // 4)

    def test_holds_the_libraries_as_debian_built_them(self):
        """But for the tables of unwinders, which docker/assemble empties."""
        tools = STORE.root(TOOLS)
        compared = 0
        for path in glob.glob(f"{self.root}/postlude/lib/*.so.*"):
            name = os.path.basename(path)
            debians, = {os.path.realpath(found) for found in
                        glob.glob(f"{tools}/usr/lib/*-linux-gnu*/{name}")}
            with open(path, "rb") as ours, open(debians, "rb") as theirs:
                self.assertEqual(ours.read(), without_unwind_tables(theirs.read()), name)
            compared += 1
        self.assertGreater(compared, 8)

    def test_holds_one_program_and_no_shell(self):
        programs = [path for path in self.files() if os.access(path, os.X_OK)]
        self.assertEqual({os.path.dirname(path) for path in programs},
                         {f"{self.root}/postlude/bin", f"{self.root}/postlude/lib"})
        self.assertEqual(os.listdir(f"{self.root}/postlude/bin"), ["postlude"])

    def test_is_roots_and_nobody_elses_to_write(self):
        for place, folders, files in os.walk(self.root):
            for name in folders + files:
                state = os.lstat(f"{place}/{name}")
                self.assertEqual(state.st_uid, 0, name)
                if not os.path.islink(f"{place}/{name}"):
                    self.assertFalse(state.st_mode & 0o6022, name)

    def files(self):
        for place, _, files in os.walk(self.root):
            yield from (f"{place}/{name}" for name in files
                        if not os.path.islink(f"{place}/{name}"))

    def test_tells_scanners_what_it_holds(self):
        packages = {}
        for path in glob.glob(f"{self.root}/var/lib/dpkg/status.d/*"):
            with open(path, encoding="utf-8") as stream:
                fields = email.message_from_string(stream.read())
            self.assertEqual(fields["Package"], os.path.basename(path))
            self.assertEqual(fields["Status"], "install ok installed")
            self.assertRegex(fields["Version"], r"^[0-9]")
            packages[fields["Package"]] = fields
        self.assertLessEqual({"base-files", "ca-certificates", "libc6", "libcurl4", "libpq5",
                              "libssl3", "libjansson4", "libyaml-0-2"}, set(packages))
        for name in [*packages, "postlude"]:
            self.assertTrue(os.path.isfile(f"{self.root}/usr/share/doc/{name}/copyright"), name)
        with open(f"{self.root}/etc/os-release", encoding="utf-8") as stream:
            self.assertIn("ID=debian", stream.read().split("\n"))

    def test_says_who_may_run_it_and_how(self):
        self.assertEqual(self.config["User"], "10001:10001")
        self.assertEqual(self.config["Entrypoint"], ["/postlude/bin/postlude"])
        self.assertFalse(self.config.get("Cmd"))
        labels = self.config["Labels"]
        self.assertEqual(labels["org.opencontainers.image.title"], "postlude")
        self.assertEqual(labels["org.opencontainers.image.licenses"], "MIT")
        with open(f"{self.root}/etc/passwd", encoding="ascii") as stream:
            self.assertRegex(stream.read(), r"(?m)^postlude:x:10001:10001:")

    def test_holds_authorities(self):
        with open(f"{self.root}{BUNDLE}", encoding="ascii") as stream:
            text = stream.read()
        self.assertGreater(text.count("-----BEGIN CERTIFICATE-----"), 50)
        self.assertEqual(os.readlink(f"{self.root}/etc/ssl/certs/ca-certificates.crt"), BUNDLE)


class OntoDebian(ImageCase):
    """Copied into an application's image: Debian's libraries are there too, others than ours."""

    base = BASE
    image = "localhost/application-debian"
    shells = {"libc.so.6"}  # what the application's own programs need
    ca_file = BUNDLE  # built with the laboratory's in it

    @classmethod
    def setUpClass(cls):
        STORE.build(cls.image, context=CONTAINERS.folder, text=APPLICATION.format(base=cls.base))
        super().setUpClass()
        os.makedirs(f"{cls.root}/astray")
        for name in os.listdir(f"{cls.root}/postlude/lib"):
            if name not in cls.shells:
                with open(f"{cls.root}/astray/{name}", "wb") as stream:
                    stream.write(b"no library")

    def test_runs_a_deploy_and_the_applications_own_command(self):
        plan = {"migrations": [*ORDERS, {"id": "own", "command": OWN_COMMAND}]}
        _, run = self.applies_in(ORDERS, plan)
        self.assertEqual([step["id"] for step in run.report["applied"]], [*ORDER_IDS, "own"])
        self.assertIn("own command as 1234", run.err)

    def test_brings_its_licences(self):
        share = f"{self.root}/postlude/share"
        named = os.listdir(f"{share}/status.d")
        self.assertIn("libssl3", named)
        for name in named:
            self.assertTrue(os.path.isfile(f"{share}/doc/{name}/copyright"), name)


class OntoMusl(OntoDebian):
    """The same where there is no glibc at all, as in Alpine."""

    base = ALPINE
    image = "localhost/application-musl"
    shells = set()

    def test_there_is_no_other_glibc(self):
        found = [path for path in glob.glob(f"{self.root}/**/libc.so.6", recursive=True)
                 if "/astray/" not in path]
        self.assertEqual(found, [f"{self.root}/postlude/lib/libc.so.6"])


if __name__ == "__main__":
    reason = missing()
    if reason:
        skip(reason)
    mount_for_ourselves()
    try:
        main()
    except Failed as error:
        sys.exit(str(error))
