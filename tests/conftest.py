"""What all tests share: how hard Hypothesis tries, and environments in which our wheel is installed."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline for a single example: on a busy machine the first one imports and compiles, and time is not
# what these tests are about (pytest-timeout ends a test that hangs). In CI the examples are always the same,
# so that a red run means a change of ours; at a desk they are new every time.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# `make check` is asked many times an hour: fewer examples each time, new ones every time.
settings.register_profile("check", deadline=None, max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "desk"))

ROOT = Path(__file__).resolve().parents[1]
DROPIN = ROOT / "twisted/plugins/dropin.cache"
SCRIPTS = {
    "twistd": "from twisted.scripts.twistd import run",
    "pip": "from pip._internal.cli.main import main as run",
}
"""Commands of libraries that an environment is to have."""


def run(*command, cwd, **variables):
    """Run a command to its end and return what it printed; fail with its errors if it does not end well."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean | variables,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Environment:
    """A virtual environment of its own, without the checkout.

    The libraries come from the environment that runs the tests, through a path file that is read
    after site-packages, so that nothing is downloaded. Path files in there, our own editable
    install among them, are not read.
    """

    def __init__(self, home, wheel):
        self.home, self.bin = home, home / "bin"
        venv.create(home, with_pip=False, symlinks=True)
        self.install("--no-deps", wheel)
        site = Path(
            self.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        )
        (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
        for name, line in SCRIPTS.items():
            script = self.bin / name
            script.write_text(f"#!{self.bin / 'python'}\nimport sys\n{line}\nsys.exit(run())\n")
            script.chmod(0o755)

    def run(self, program, *words, cwd=None, **variables):
        """What a program of this environment prints; the test fails if it does not end well."""
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return run(self.bin / program, *words, cwd=cwd or self.home, **{"PATH": path} | variables)

    def install(self, *words):
        """Install from files."""
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.bin / "python")
        run(*pip, "install", "--quiet", "--no-index", *words, cwd=self.home)


@pytest.fixture(scope="session")
def build_wheel(tmp_path_factory):
    """A function that builds the wheel of a directory, while Twisted's cache lies about in the checkout."""
    built = {}

    def build(directory):
        if directory not in built:
            out = tmp_path_factory.mktemp("dist")
            there = DROPIN.exists()
            if not there:
                DROPIN.write_bytes(b"a cache that Twisted would write here")
            try:
                run(
                    sys.executable,
                    "-m",
                    "build",
                    "--wheel",
                    "--no-isolation",
                    "--outdir",
                    out,
                    directory,
                    cwd=out,
                )
            finally:
                if not there:
                    DROPIN.unlink()
            (built[directory],) = out.glob("*.whl")
        return built[directory]

    return build


@pytest.fixture(scope="session")
def broken_site(tmp_path_factory):
    """A directory for PYTHONPATH in which a distribution is installed whose every helper is broken (tests/strangers)."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "tests/strangers/acme_broken", site / "acme_broken")
    metadata = site / "acme_broken-0.9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 0.9\n")
    source = (site / "acme_broken/helpers.py").read_text()
    names = re.findall(r"^([a-z_]+) = ", source, re.MULTILINE)
    lines = [f"{name.replace('_', '-')} = acme_broken.helpers:{name}" for name in [*names, "missing"]]
    lines += ["import-error = acme_broken.import_error:factory"]
    (metadata / "entry_points.txt").write_text("\n".join(["[icsframework.nat_helper]", *lines, ""]))
    return site


@pytest.fixture(scope="session")
def make_environment(build_wheel, tmp_path_factory):
    """A function that makes an Environment with our wheel, and with those of other directories."""

    def make(*others):
        environment = Environment(tmp_path_factory.mktemp("environment"), build_wheel(ROOT))
        for directory in others:
            environment.install(build_wheel(directory))
        return environment

    return make
