"""The AWS SDK for JavaScript v3, where there is Node.js: runs `javascript/sfn.test.cjs`.

The packages of `javascript/package-lock.json` are installed into a cache outside the clone, once for each version of
that file. Without Node.js, or where they cannot be had, nothing is tried, and that is said loudly.
"""
import hashlib, os, pathlib, shutil, subprocess, sys, unittest

FOLDER = pathlib.Path(__file__).resolve().parent / "javascript"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "darkroom-tests"
INSTALL_SECONDS = 240
TEST_SECONDS = 120


def packages():
    """The folder that the packages are in, installed now where they are not yet there; or why there is none."""
    npm = shutil.which("npm")
    if not (npm and shutil.which("node")):
        return None, "there is no Node.js here"
    lock = (FOLDER / "package-lock.json").read_bytes()
    installed = CACHE / f"javascript-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not installed.is_dir():
        new = CACHE / f"javascript-{os.getpid()}.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(FOLDER / file, new)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(command, cwd=new, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            return None, "npm does not come to an end"
        if done.returncode:
            return None, f"npm cannot install the packages: {done.stderr.strip()[-300:]}"
        new.rename(installed)
    return installed / "node_modules", None


class JavaScript(unittest.TestCase):
    def test_the_sdk_for_javascript(self):
        modules, reason = packages()
        if reason:
            print(f"!! SKIPPED: the SDK for JavaScript is not tried, since {reason}", file=sys.stderr)
            self.skipTest(reason)
        done = subprocess.run(
            ["node", "--test", str(FOLDER / "sfn.test.cjs")], env={**os.environ, "NODE_PATH": str(modules)},
            capture_output=True, text=True, timeout=TEST_SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("# fail 0", done.stdout)


if __name__ == "__main__":
    unittest.main()
