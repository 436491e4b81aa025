"""The world around a server that is killed: who starts executions, who works for them, and what each remembers.

Everybody goes on whatever happens to the server, and writes down what it was told. What was acknowledged is what the
server is held to afterwards.
"""
import http.server, itertools, json, queue, threading, time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from crash import shapes

# A message that its receiver could not delete is given again after this long.
VISIBILITY_SECONDS = 10
# How long one waits before a call is repeated that nobody answered.
PAUSE_SECONDS = 0.02
# No call takes longer, a long poll included.
ANSWER_SECONDS = 65
# What a client sees of a server that dies, or that is not there.
CUT_OFF = (HTTPClientError, NoConnectionError, OSError)


class Over(Exception):
    """The run is over, and no call will be answered any more."""


def client(service, endpoint):
    config = Config(retries={"max_attempts": 0}, read_timeout=ANSWER_SECONDS, max_pool_connections=2)
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x",
                        aws_secret_access_key="y", config=config)


class World:
    """The threads of one run. `endpoint` stays the same when the server is started again."""

    def __init__(self, endpoint, activity, queue_url):
        self.endpoint = endpoint
        self.activity = activity
        self.queue_url = queue_url
        self.lock = threading.Lock()
        # What was sent, by execution: its ARN and start date, as acknowledged.
        self.acknowledged = {}
        # Of task tokens: when the report was acknowledged, and the reports that were cut off or refused.
        self.reported = {}
        self.cut_off = set()
        self.refused = []
        # Names of polls that were cut off: a task that one of them was given is nobody's.
        self.lost_polls = set()
        # Everything that was asked for against what had been acknowledged, in words.
        self.broken = []
        # Of each branch of each execution: the last step and attempt of a function that was asked for.
        self.steps = {}
        self.calls = 0
        self.followed = queue.Queue()
        self.over = threading.Event()
        self.failures = []
        self.threads = []

    def run(self, *works):
        """Starts a thread for each of these."""
        for work in works:
            thread = threading.Thread(target=self._guarded, args=(work,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _guarded(self, work):
        try:
            work()
        except Over:
            pass
        except Exception as error:  # A worker that dies would be waited for without end.
            self.failures.append(f"{work}: {error!r}")
            raise

    def insist(self, call, **arguments):
        """The answer to a call that is repeated until there is one, and whether it was cut off before."""
        cut_off = False
        while True:
            try:
                return call(**arguments), cut_off
            except ClientError as error:
                return error.response, cut_off
            except CUT_OFF:
                if self.over.is_set():
                    raise Over from None
                cut_off = True
                time.sleep(PAUSE_SECONDS)

    def start(self, sfn, machine, name, variant):
        """Starts an execution, and has it stopped or redriven where that belongs to its shape."""
        answer, _ = self.insist(
            sfn.start_execution, stateMachineArn=machine, name=name, input=shapes.given(name, variant))
        # A start that was cut off may have been made, and its execution may even have ended since.
        if answer.get("Error", {}).get("Code") == "ExecutionAlreadyExists":
            arn, date = machine.replace(":stateMachine:", ":execution:") + f":{name}", None
        else:
            arn, date = answer["executionArn"], answer["startDate"]
        with self.lock:
            self.acknowledged[name] = (arn, date)
        if name.startswith("stopped-"):
            self.insist(sfn.stop_execution, executionArn=arn, error="Enough", cause="it was told to stop")
        if name.startswith("redriven-"):
            self.followed.put(arn)

    def redrive(self):
        """Redrives what has failed, once."""
        sfn = client("stepfunctions", self.endpoint)
        while not self.over.is_set():
            try:
                arn = self.followed.get(timeout=0.1)
            except queue.Empty:
                continue
            described, _ = self.insist(sfn.describe_execution, executionArn=arn)
            if described["status"] == "RUNNING":
                self.followed.put(arn)
                time.sleep(PAUSE_SECONDS)
                continue
            answer, cut_off = self.insist(sfn.redrive_execution, executionArn=arn, clientToken=arn[-64:])
            if "Error" in answer:
                self.broken.append(f"{arn} is not redriven: {answer['Error']} (cut off before: {cut_off})")

    def work_for_activity(self):
        sfn = client("stepfunctions", self.endpoint)
        while not self.over.is_set():
            poll = f"poll-{next(_POLLS)}"
            try:
                task = sfn.get_activity_task(activityArn=self.activity, workerName=poll)
            except CUT_OFF:
                self.lost_polls.add(poll)
                time.sleep(PAUSE_SECONDS)
                continue
            if task.get("taskToken"):
                self._report(sfn, task["taskToken"], json.loads(task["input"]), time.time())

    def work_for_queue(self):
        sfn, sqs = client("stepfunctions", self.endpoint), client("sqs", self.endpoint)
        while not self.over.is_set():
            answer, _ = self.insist(
                sqs.receive_message, QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                VisibilityTimeout=VISIBILITY_SECONDS, MessageSystemAttributeNames=["SentTimestamp"])
            for message in answer.get("Messages", []):
                task = json.loads(message["Body"])
                self._report(sfn, task["token"], task, int(message["Attributes"]["SentTimestamp"]) / 1000)
                self.insist(sqs.delete_message, QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def _report(self, sfn, token, task, asked_at):
        """Reports the result of a task that was asked for at this moment."""
        with self.lock:
            if self.reported.get(token, asked_at) < asked_at:
                self.broken.append(f"the result of {task} was acknowledged, and asked for again")
        output, error = shapes.answer_of_worker(task)
        if error:
            answer, cut_off = self.insist(sfn.send_task_failure, taskToken=token, error=error, cause="as its number says")
        else:
            answer, cut_off = self.insist(sfn.send_task_success, taskToken=token, output=json.dumps(output))
        with self.lock:
            if cut_off:
                self.cut_off.add(token)
            if "Error" in answer:
                self.refused.append((token, task, answer["Error"]))
            else:
                self.reported.setdefault(token, time.time())

    def called(self, event):
        """The function was called; what it answers."""
        place = (event["id"], event.get("branch"), event.get("item"))
        step = (event["redrive"], event["step"], event["attempt"])
        with self.lock:
            self.calls += 1
            # A later step is asked for when the earlier one's result is durable: then that is not asked for again.
            if self.steps.get(place, step) > step:
                self.broken.append(f"{place} was at {self.steps[place]}, and {step} was asked for again")
            self.steps[place] = step
        return shapes.answer_of_function(event)

    def end(self):
        """Waits for the threads once it is over and the server gone, and says what is wrong with what they were told."""
        for thread in self.threads:
            thread.join(ANSWER_SECONDS)
        known = set(self.reported) | self.cut_off
        return self.broken + self.failures + [
            f"the report of {task} was refused, and none was taken: {error}"
            for token, task, error in self.refused if token not in known]


_POLLS = itertools.count()


class Functions:
    """Lambda's Invoke API, answered by whichever world is there."""

    def __init__(self):
        functions = self
        self.world = None

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["content-length"])))
                result, error = functions.world.called(event)
                body = json.dumps({"errorType": error, "errorMessage": "not yet"} if error else result).encode()
                self.send_response(200)
                if error:
                    self.send_header("X-Amz-Function-Error", "Unhandled")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                # Whoever asked may have been killed meanwhile.
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                """A connection that breaks is what the test is about."""

        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.listener.server_port}"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()
