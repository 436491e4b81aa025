"""A `darkroom serve` of one's own: started, killed, started again."""
import pathlib, re, signal, socket, subprocess

# The longest that a stop may take.
STOP_SECONDS = 30


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server process. It listens when the constructor returns; `endpoint` says where."""

    def __init__(self, binary, data, *options, listen="127.0.0.1:0"):
        self.data = pathlib.Path(data)
        command = [binary, "serve", "--listen", listen, "--data", str(data), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on (http://\S+)\n", line)
        if not found:
            self.kill()
            raise RuntimeError(f"the server said {line!r} and not where it listens")
        self.endpoint = found[1]

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
