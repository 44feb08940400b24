"""Root file systems made of Debian's packages alone, in place of what a registry would give."""

import glob
import os
import shutil

from tools import Failed, call

# What makes Debian's own "slim" image slim; packages' licences stay.
SLIM = """path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
"""
BULK = ("usr/share/info", "usr/share/locale", "usr/share/man", "var/cache/apt/archives",
        "var/lib/apt/lists")


def sources():
    """(URI, suite) of where this machine has Debian's packages from."""
    found = call("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)",
                 "Created-By: Packages", "ORIGIN: Debian", "COMPONENT: main")
    return sorted({tuple(line.split()) for line in found.splitlines()})


def _main_source():
    for uri, suite in sources():
        if "-" not in suite:
            return uri, suite
    raise Failed("apt knows no source of a Debian release: run apt-get update")


def _proxies():
    """apt's proxies, as its configuration."""
    settings = call("apt-config", "dump", "Acquire").splitlines()
    return "".join(line + "\n" for line in settings if "proxy" in line.lower())


def bootstrap(folder):
    """A minimal Debian of this machine's release in folder, which gets its packages from there."""
    uri, suite = _main_source()
    try:
        call("debootstrap", "--variant=minbase", suite, folder, uri)
    except Failed as error:
        log = f"{folder}/debootstrap/debootstrap.log"
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as stream:
                raise Failed(f"{error}\n{stream.read()[-3000:]}") from None
        raise
    _write(f"{folder}/etc/apt/sources.list",
           "".join(f"deb {uri} {suite} main\n" for uri, suite in sources()))
    _write(f"{folder}/etc/apt/apt.conf.d/proxy", _proxies())
    _write(f"{folder}/etc/dpkg/dpkg.cfg.d/slim", SLIM)
    for name in BULK:
        shutil.rmtree(f"{folder}/{name}")
        os.makedirs(f"{folder}/{name}")
    os.makedirs(f"{folder}/var/lib/apt/lists/partial")
    os.makedirs(f"{folder}/var/cache/apt/archives/partial")
    for path in glob.glob(f"{folder}/usr/share/doc/*/*"):
        if os.path.isfile(path) and not path.endswith("/copyright"):
            os.remove(path)


def musl(folder):
    """A root like Alpine's in folder: musl's loader and busybox, and nothing of glibc."""
    downloads = f"{folder}.packages"
    shutil.rmtree(downloads, ignore_errors=True)
    os.makedirs(downloads)
    call("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "musl", "busybox-static",
         cwd=downloads)
    for package in os.listdir(downloads):
        call("dpkg-deb", "-x", f"{downloads}/{package}", folder)
    shutil.rmtree(downloads)
    shutil.rmtree(f"{folder}/usr/share")
    os.symlink("busybox", f"{folder}/bin/sh")
    os.makedirs(f"{folder}/etc", exist_ok=True)
    _write(f"{folder}/etc/passwd", "app:x:1234:1234::/:/bin/sh\n")


def _write(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
