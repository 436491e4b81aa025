"""A `darkroom serve` of one's own: started, killed, started again."""
import os, re, shutil, signal, socket, subprocess, sys, time, unittest

# The longest that a stop may take.
STOP_SECONDS = 30
# The longest that moto may take to listen.
START_SECONDS = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server process. It listens when the constructor returns; `endpoint` says where."""

    def __init__(self, binary, data, *options, listen="127.0.0.1:0", environment=None, stderr=None):
        command = [binary, "serve", "--listen", listen, "--data", str(data), *options]
        environment = {**os.environ, **(environment or {})}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on (http://\S+)\n", line)
        if not found:
            self.kill()
            raise RuntimeError(f"the server said {line!r} and not where it listens")
        self.endpoint = found[1]

    def said(self, beginning):
        """What follows this beginning in one of the lines that a server says at its start."""
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        raise RuntimeError(f"the server did not say {beginning!r}")

    def kill(self):
        """Ends the process as a crash would: it is told nothing, and writes nothing more."""
        self.process.kill()
        self._gone()

    def stop(self):
        """Asks the process to end, and waits for it."""
        self.process.send_signal(signal.SIGTERM)
        self._gone()

    def _gone(self):
        self.process.wait(STOP_SECONDS)
        self.process.stdout.close()


class Moto:
    """moto's server, as a process of its own, in the place of AWS. Without moto the tests that want it are skipped, loudly."""

    def __init__(self):
        program = shutil.which("moto_server")
        if not program:
            print("!! SKIPPED: remote services are not tried, since there is no moto here", file=sys.stderr)
            raise unittest.SkipTest("there is no moto here")
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until and self.process.poll() is None, "moto does not listen"
                time.sleep(0.1)

    def stop(self):
        self.process.kill()
        self.process.wait()
