"""Container images without a registry: a Debian base, the pause image, and builds of Dockerfiles.

buildah keeps its layers and the folders of `RUN --mount=type=cache` below the cache folder, apart
from any other user of buildah on this machine.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import ClusterError
from .node import PAUSE_IMAGE, overlay_works
from .paths import PACKAGE
from .process import tail
from .report import Report

BASE_IMAGE = "localhost/sluice-base:bookworm"
SUITE = "bookworm"
BASE_PACKAGES = ("ca-certificates",)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class Images:
    """Images of this machine's cache. `build` makes one, `archive` gives it as a file."""

    def __init__(self, cache: Path, report: Report) -> None:
        self._folder = cache / "images"
        self._report = report
        self._driver = ""

    def ensure_base(self) -> str:
        """The Debian base image; its name, to be given to a Dockerfile as BASE."""
        key = hashlib.sha256(repr((SUITE, BASE_PACKAGES)).encode()).hexdigest()[:12]
        base = self._folder / f"base-{SUITE}-{key}.tar"
        with self._lock("base"):
            if not base.exists():
                with self._report.step(f"Debian {SUITE} base image", "1 min"):
                    partial = base.with_suffix(".partial.tar")
                    include = f"--include={','.join(BASE_PACKAGES)}"
                    self._run(["mmdebstrap", "--quiet", "--variant=minbase", include, SUITE, str(partial)], "base")
                    partial.rename(base)
            if not self._exists(BASE_IMAGE):
                with tempfile.TemporaryDirectory(dir=self._folder) as context:
                    os.link(base, Path(context) / "base.tar")
                    dockerfile = Path(context) / "Dockerfile"
                    dockerfile.write_text('FROM scratch\nADD base.tar /\nCMD ["bash"]\n')
                    self._build(dockerfile, Path(context), BASE_IMAGE, {}, ())
        return BASE_IMAGE

    def ensure_pause(self) -> Path:
        """The archive of the image that holds a pod's namespaces: a static program that only waits."""
        source = PACKAGE / "pause"
        key = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(source.iterdir()))).hexdigest()[:12]
        archive = self._folder / f"pause-{key}.tar"
        if archive.exists():
            return archive
        with self._lock("pause"):
            if not archive.exists():
                with tempfile.TemporaryDirectory(dir=self._folder) as context:
                    for file in source.iterdir():
                        shutil.copy(file, context)
                    self._run(["gcc", "-static", "-Os", "-s", "-o", f"{context}/pause", f"{context}/pause.c"], "pause")
                    self._build(Path(context) / "Dockerfile", Path(context), PAUSE_IMAGE, {}, ())
                self._push(PAUSE_IMAGE, archive)
        return archive

    def build(
        self,
        dockerfile: Path,
        context: Path,
        tag: str,
        build_args: Mapping[str, str] | None = None,
        volumes: Mapping[Path, str] | None = None,
        ignore: Sequence[str] = (),
    ) -> str:
        """Build a Dockerfile on the local base image (passed as the build argument BASE).

        `tag` must begin with localhost/. `volumes` maps folders of this machine to places that RUN
        steps see. What `RUN --mount=type=cache` writes stays for the next build. `ignore` lists
        patterns of the context that are not sent, in place of those of .dockerignore. RUN steps
        trust the authorities that this machine trusts, which matters behind a company's proxy.
        """
        arguments = {"BASE": self.ensure_base(), **(build_args or {})}
        mounts = {**self._trust(), **(volumes or {})}
        extra = [part for folder, place in mounts.items() for part in ("--volume", f"{folder}:{place}")]
        if ignore:
            file = self._folder / f"ignore-{_file_name(tag)}"
            file.write_text("\n".join(ignore) + "\n")
            extra += ["--ignorefile", str(file)]
        with self._lock(tag):
            self._build(dockerfile, context, tag, arguments, extra)
        return tag

    def archive(self, tag: str) -> Path:
        """The image as an OCI archive, written anew only when the image has changed."""
        with self._lock(tag):
            identity = self._buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", tag).strip()
            file = self._folder / f"{_file_name(tag)}-{identity[:16]}.tar"
            if not file.exists():
                for old in self._folder.glob(f"{_file_name(tag)}-*.tar"):
                    old.unlink()
                self._push(tag, file)
        return file

    def _trust(self) -> dict[Path, str]:
        """This machine's certificates for RUN steps; pip does not look at the system's by itself."""
        if not CERTIFICATES.exists():
            return {}
        pip = self._folder / "pip.conf"
        pip.parent.mkdir(parents=True, exist_ok=True)
        pip.write_text(f"[global]\ncert = {CERTIFICATES}\n")
        return {CERTIFICATES: f"{CERTIFICATES}:ro", pip: "/etc/pip.conf:ro"}

    def _build(
        self, dockerfile: Path, context: Path, tag: str, arguments: Mapping[str, str], extra: Sequence[str]
    ) -> None:
        args = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
        self._run(
            [
                *self._command("bud"), "--isolation", "chroot", "--network", "host", "--layers", "--force-rm",
                "--pull-never", "--format", "oci", *args, *extra, "--tag", tag, "--file", str(dockerfile), str(context),
            ],
            _file_name(tag),
        )  # fmt: skip

    def _push(self, tag: str, archive: Path) -> None:
        partial = archive.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        target = f"oci-archive:{partial}:{tag}"
        self._run([*self._command("push"), "--disable-compression", tag, target], _file_name(tag))
        partial.rename(archive)

    def _exists(self, tag: str) -> bool:
        done = subprocess.run(
            [*self._command("inspect"), "--type", "image", tag], capture_output=True, env=self._environment()
        )
        return done.returncode == 0

    def _buildah(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command(arguments[0]), *arguments[1:]], capture_output=True, text=True, env=self._environment()
        )
        if done.returncode != 0:
            raise ClusterError(f"buildah {arguments[0]} failed: {done.stderr.strip()[-300:]}")
        return done.stdout

    def _command(self, verb: str) -> list[str]:
        storage = self._folder / "storage"
        if not self._driver:
            storage.mkdir(parents=True, exist_ok=True)
            self._driver = "overlay" if overlay_works(storage) else "vfs"
        return [
            # Mounts of its own: none is left on the machine, however a build ends.
            "unshare", "--mount", "--propagation", "private",
            "buildah", "--root", str(storage), "--runroot", str(self._folder / "run"),
            "--storage-driver", self._driver, verb,
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        """buildah puts cache mounts and its scratch files below TMPDIR."""
        scratch = self._folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        return {**os.environ, "TMPDIR": str(scratch)}

    def _run(self, command: Sequence[str], name: str) -> None:
        log = self._folder / f"{name}.log"
        with open(log, "w") as output:
            done = subprocess.run(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment(),
            )
        if done.returncode != 0:
            raise ClusterError(f"The image {name} could not be built; see {log}:\n{tail(log)}")

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """One build of an image at a time; builds of others may go on beside it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / f".{_file_name(name)}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _file_name(tag: str) -> str:
    return tag.removeprefix("localhost/").replace("/", "-").replace(":", "-")
