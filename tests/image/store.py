"""Images: built by buildah, in a store of our own, without any registry."""

import json
import os
import shutil
import zlib

from tools import Failed, call

BASE = "localhost/postlude-base"
ALPINE = "localhost/postlude-musl"
TOOLS = "localhost/postlude-tools"
KEPT = (BASE, ALPINE, TOOLS)

# vfs copies every layer whole, but works everywhere.
DRIVERS = ("overlay", "vfs")


class Store:
    """The images in a folder, and their root file systems as folders. Raises Failed where buildah
    does not work. What is mounted has to be nobody else's: see tools.mount_for_ourselves()."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        for driver in DRIVERS:
            # A test that was killed took its mounts with it, and left a record of them.
            shutil.rmtree(f"{folder}/{driver}.run", ignore_errors=True)
            self._buildah = ["buildah", "--root", f"{folder}/{driver}",
                             "--runroot", f"{folder}/{driver}.run", "--storage-driver", driver]
            try:
                self.close()
                self.buildah("from", "scratch")
                break
            except Failed:
                if driver == DRIVERS[-1]:
                    raise

    def close(self):
        """Removes everything but the images that are the same the next time."""
        self.buildah("rm", "--all")
        for image in json.loads(self.buildah("images", "--json") or "null") or []:
            if not any(f"{kept}:latest" in (image["names"] or []) for kept in KEPT):
                self.buildah("rmi", "--force", image["id"])

    def buildah(self, *args, stdin=None):
        return call(*self._buildah, *args, stdin=stdin, TMPDIR=self.folder)

    def has(self, name):
        return bool(self.buildah("images", "--quiet", "--filter", f"reference={name}:latest"))

    def make(self, name, fill):
        """An image of the root that fill(folder) makes; made once."""
        if self.has(name):
            return
        root = f"{self.folder}/root"
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(root)
        fill(root)
        container = self.buildah("from", "scratch")
        self.buildah("add", container, f"{root}/.", "/")
        self.buildah("commit", "--rm", container, name)
        shutil.rmtree(root)

    def build(self, name, *options, context, text=None):
        """An image of a Dockerfile: a file of the context named by --file, or text. A step that was
        done for one image is not done for another."""
        where = ["--file", "-"] if text else []
        self.buildah("bud", "--isolation", "chroot", "--pull-never", "--layers", *options, *where, "--tag",
                     name, context, stdin=text)

    def step(self, name, *argv):
        """Runs a program in an image as a build does."""
        self.buildah("run", "--isolation", "chroot", self.buildah("from", name), "--", *argv)

    def config(self, name):
        """The image's configuration: User, Entrypoint, Env, Labels."""
        return json.loads(self.buildah("inspect", "--type", "image", name))["OCIv1"]["config"]

    def root(self, name):
        """The folder with the image's files, for this session."""
        return self.buildah("mount", self.buildah("from", name))

    def layers(self, name):
        """(size as pushed by buildah, size as gzip makes it at its usual level) of each layer."""
        folder = f"{self.folder}/pushed"
        shutil.rmtree(folder, ignore_errors=True)
        self.buildah("push", name, f"dir:{folder}")
        with open(f"{folder}/manifest.json", encoding="utf-8") as stream:
            manifest = json.load(stream)
        sizes = []
        for layer in manifest["layers"]:
            with open(f"{folder}/{layer['digest'].removeprefix('sha256:')}", "rb") as stream:
                data = zlib.decompress(stream.read(), wbits=31)
            sizes.append((layer["size"], len(zlib.compress(data, 6))))
        shutil.rmtree(folder)
        return sizes
