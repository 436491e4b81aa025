"""The AWS SDK for Rust: compiles and runs `rust/`, where `run` was told `--rust`.

The crate is outside the workspace, with a lock of its own, and is compiled into a cache outside the clone: the SDK would
cost every build minutes.
"""
import os, pathlib, shutil, subprocess, sys, unittest

FOLDER = pathlib.Path(__file__).resolve().parent / "rust"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "darkroom-tests"
COMPILE_SECONDS = 1800


class Rust(unittest.TestCase):
    def test_the_sdk_for_rust(self):
        reason = "there is no cargo here" if not shutil.which("cargo") else "it was not asked for (--rust)"
        if not (os.environ.get("DARKROOM_TEST_RUST") and shutil.which("cargo")):
            print(f"!! SKIPPED: the SDK for Rust is not tried, since {reason}", file=sys.stderr)
            self.skipTest(reason)
        environment = {**os.environ, "CARGO_TARGET_DIR": os.environ.get("DARKROOM_RUST_TARGET_DIR", str(CACHE / "rust"))}
        done = subprocess.run(
            ["cargo", "test", "--locked", "--manifest-path", str(FOLDER / "Cargo.toml")], env=environment,
            capture_output=True, text=True, timeout=COMPILE_SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("test result: ok. 4 passed", done.stdout)


if __name__ == "__main__":
    unittest.main()
