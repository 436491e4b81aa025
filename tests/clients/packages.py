"""Python packages that only one test needs, in a cache outside the clone. Without them that test is skipped, loudly."""
import hashlib, os, pathlib, shutil, subprocess, sys, unittest

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "darkroom-tests"
INSTALL_SECONDS = 240


def installed(*requirements):
    """The folder that these are in, for `PYTHONPATH`; installed now where they are not yet there."""
    digest = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()[:16]
    folder = CACHE / f"python-{digest}"
    if folder.is_dir():
        return folder
    new = CACHE / f"python-{os.getpid()}.new"
    shutil.rmtree(new, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(new)]
    try:
        done = subprocess.run([*command, *requirements], capture_output=True, text=True, timeout=INSTALL_SECONDS)
        failure = done.stderr.strip()[-300:] if done.returncode else None
    except subprocess.TimeoutExpired:
        failure = "pip does not come to an end"
    if failure:
        print(f"!! SKIPPED: {', '.join(requirements)} cannot be installed: {failure}", file=sys.stderr)
        raise unittest.SkipTest(failure)
    new.rename(folder)
    return folder
