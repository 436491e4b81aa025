"""What goes wrong around a workflow is retried, caught and recorded, and nothing is lost: functions that misbehave, a table
that throttles, a disk that is full, a server that is killed while a FIFO topic hands out.
"""
import http.server, json, os, pathlib, shutil, subprocess, sys, tempfile, threading, time, unittest, urllib.error, urllib.request
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from server import Server
from support import ACCOUNT, PATIENCE_SECONDS, REGION, ROLE

FOLDER = pathlib.Path(__file__).resolve().parent
PHOTO = FOLDER.parents[1] / "examples" / "photos" / "rocket.jpg"
BINARY = os.environ["DARKROOM_BINARY"]
KEYS = [{"AttributeName": "imageId", "KeyType": "HASH"}, {"AttributeName": "userId", "KeyType": "RANGE"}]


def client(service, endpoint):
    config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, read_timeout=PATIENCE_SECONDS / 6)
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=ACCOUNT,
                        aws_secret_access_key="secret", config=config)


def served(case, settings="", **more):
    """A server with these settings, which is stopped with the class of tests."""
    data = tempfile.TemporaryDirectory()
    case.addClassCleanup(data.cleanup)
    pathlib.Path(data.name, "darkroom.toml").write_text(settings)
    server = Server(BINARY, data.name, "--account", ACCOUNT, **more)
    case.addClassCleanup(server.stop)
    return server.endpoint


def ended(states, execution):
    until = time.monotonic() + PATIENCE_SECONDS
    while (described := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < until, f"{execution} does not end"
        time.sleep(0.05)
    return described


def make_table(dynamodb, table):
    attributes = [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in KEYS]
    dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=KEYS, AttributeDefinitions=attributes)


class Functions(unittest.TestCase):
    """A function's process dies, hangs, prints rubbish, answers 7 MB."""

    @classmethod
    def setUpClass(cls):
        command = json.dumps([sys.executable, str(FOLDER / "functions" / "runtime.py"), "faulty"])
        endpoint = served(cls, f"[functions.faulty]\ncommand = {command}\ntimeout_seconds = 1\n")
        cls.states, cls.dynamodb = client("stepfunctions", endpoint), client("dynamodb", endpoint)
        make_table(cls.dynamodb, "outcomes")
        item = {"imageId": {"S.$": "$.how"}, "userId": {"S": "ann"}, "error": {"S.$": "$.error.Error"}}
        again = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}
        definition = {"StartAt": "Call", "States": {
            "Call": {"Type": "Task", "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:faulty", "Retry": [again],
                     "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Record"}], "End": True},
            "Record": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "End": True,
                       "Parameters": {"TableName": "outcomes", "Item": item}}}}
        cls.machine = cls.states.create_state_machine(
            name="faulty", definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]

    def started(self, how):
        given = json.dumps({"how": how})
        return self.states.start_execution(stateMachineArn=self.machine, input=given)["executionArn"]

    def test_each_is_retried_caught_and_recorded(self):
        expected = {"dies": "Runtime.ExitError", "hangs": "Sandbox.Timedout", "prints rubbish": "Lambda.Unknown",
                    "answers 7 MB": "Function.ResponseSizeTooLarge"}
        executions = {how: self.started(how) for how in expected}
        for how, execution in executions.items():
            with self.subTest(how):
                self.assertEqual(ended(self.states, execution)["status"], "SUCCEEDED")
                events = self.states.get_execution_history(executionArn=execution)["events"]
                self.assertEqual([event["type"] for event in events].count("LambdaFunctionScheduled"), 2)
                key = {"imageId": {"S": how}, "userId": {"S": "ann"}}
                record = self.dynamodb.get_item(TableName="outcomes", Key=key)["Item"]
                self.assertEqual(record["error"], {"S": expected[how]})
        described = ended(self.states, self.started("works"))
        self.assertEqual(json.loads(described["output"]), {"well": True}, "the function goes on")


class Throttling(http.server.BaseHTTPRequestHandler):
    """A table that takes one call in two, and throttles the others. What it takes is done by a server's own table."""

    protocol_version = "HTTP/1.1"
    behind, calls, throttled, lock = "", 0, 0, threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with Throttling.lock:
            Throttling.calls += 1
            is_throttled = Throttling.calls % 2 == 1
            Throttling.throttled += is_throttled
        if is_throttled:
            fault = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
            return self.answer(400, json.dumps({"__type": fault, "message": "too much at once"}).encode())
        headers = {name: self.headers[name] for name in ("x-amz-target", "content-type", "authorization")}
        try:
            with urllib.request.urlopen(urllib.request.Request(Throttling.behind, body, headers)) as answered:
                self.answer(answered.status, answered.read())
        except urllib.error.HTTPError as error:
            self.answer(error.code, error.read())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Table(unittest.TestCase):
    """A table that throttles."""

    PHOTOS = 6

    @classmethod
    def setUpClass(cls):
        Throttling.behind = served(cls)
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Throttling)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        cls.addClassCleanup(proxy.server_close)
        cls.addClassCleanup(proxy.shutdown)
        settings = f'[services.dynamodb]\nendpoint = "http://127.0.0.1:{proxy.server_port}"\n'
        key = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "secret"}
        endpoint = served(cls, settings, environment=key)
        cls.states, cls.s3 = client("stepfunctions", endpoint), client("s3", endpoint)
        cls.dynamodb = client("dynamodb", Throttling.behind)

    def test_every_photo_is_processed_and_recorded_all_the_same(self):
        content = PHOTO.read_bytes()
        for number in range(self.PHOTOS):
            self.s3.put_object(Bucket="darkroom-input", Key=f"uploads/ann/p{number}.jpg", Body=content + bytes([number]))
        prefix = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:darkroom-image-processing:image-processing-"
        for number in range(self.PHOTOS):
            until = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    described = ended(self.states, f"{prefix}p{number}")
                    break
                except self.states.exceptions.ExecutionDoesNotExist:
                    self.assertLess(time.monotonic(), until, f"p{number} is not started")
                    time.sleep(0.05)
            self.assertEqual(described["status"], "SUCCEEDED", described)
            key = {"imageId": {"S": f"p{number}"}, "userId": {"S": "ann"}}
            record = self.dynamodb.get_item(TableName="darkroom-images", Key=key)["Item"]
            self.assertEqual(record["status"], {"S": "completed"})
        self.assertGreater(Throttling.throttled, self.PHOTOS)

    def test_what_is_not_retried_is_caught(self):
        item = {"imageId": {"S": "one"}, "userId": {"S": "ann"}}
        put = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem",
               "Parameters": {"TableName": "darkroom-images", "Item": item},
               "Catch": [{"ErrorEquals": ["DynamoDB.ProvisionedThroughputExceededException"], "Next": "Put"}], "End": True}
        definition = json.dumps({"StartAt": "Put", "States": {"Put": put}})
        machine = self.states.create_state_machine(name="put", definition=definition, roleArn=ROLE)["stateMachineArn"]
        for _ in range(2):
            execution = self.states.start_execution(stateMachineArn=machine)["executionArn"]
            self.assertEqual(ended(self.states, execution)["status"], "SUCCEEDED")
        self.assertIn("Item", self.dynamodb.get_item(TableName="darkroom-images", Key=item))


class FifoTopic(unittest.TestCase):
    """The server is killed, again and again, while a FIFO topic is published to."""

    MESSAGES, KILLS, GROUPS = 120, 3, 3

    def setUp(self):
        self.data = tempfile.TemporaryDirectory()
        self.addCleanup(self.data.cleanup)
        self.start()
        self.addCleanup(lambda: self.server.stop())

    def start(self):
        self.server = Server(BINARY, self.data.name)
        self.sns, self.sqs = (client(service, self.server.endpoint) for service in ("sns", "sqs"))

    def test_queues_get_every_message_once_and_each_group_in_order(self):
        topic = self.sns.create_topic(Name="t.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        queues = ("one.fifo", "two.fifo")
        for queue in queues:
            url = self.sqs.create_queue(QueueName=queue, Attributes={"FifoQueue": "true"})["QueueUrl"]
            arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        numbers = []
        for n in range(self.MESSAGES):
            message = {"Message": str(n), "MessageGroupId": f"g{n % self.GROUPS}", "MessageDeduplicationId": f"d{n}"}
            first = self.sns.publish(TopicArn=topic, **message)["SequenceNumber"]
            if n % (self.MESSAGES // self.KILLS) == self.MESSAGES // self.KILLS - 1:
                self.server.kill()
                self.start()
                self.assertEqual(self.sns.publish(TopicArn=topic, **message)["SequenceNumber"], first)
            numbers.append(first)
        self.assertEqual(numbers, sorted(set(numbers)))
        for queue in queues:
            received = self.received(self.sqs.get_queue_url(QueueName=queue)["QueueUrl"])
            for group in range(self.GROUPS):
                expected = list(range(group, self.MESSAGES, self.GROUPS))
                self.assertEqual([n for n in received if n % self.GROUPS == group], expected, queue)

    def received(self, url):
        """All that a queue has, until nothing more comes."""
        numbers = []
        while len(numbers) < self.MESSAGES:
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=10).get("Messages", [])
            self.assertTrue(messages, f"{len(numbers)} of {self.MESSAGES} came")
            for message in messages:
                numbers.append(int(message["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=url))
        return numbers


class Disk(unittest.TestCase):
    """A disk that is full: a small one in memory, which a server alone sees. Skipped loudly where that cannot be had."""

    SIZE = "48m"
    OBJECT_BYTES = 1024 * 1024

    @classmethod
    def setUpClass(cls):
        data = tempfile.TemporaryDirectory()
        cls.addClassCleanup(data.cleanup)
        program = pathlib.Path(data.name, "darkroom-on-a-small-disk")
        disk = pathlib.Path(data.name, "disk")
        disk.mkdir()
        inside = f'mount -t tmpfs -o size={cls.SIZE} tmpfs "{disk}" && exec "{BINARY}" "$@"'
        program.write_text(f"#!/bin/sh\nexec unshare --mount --user --map-root-user sh -c '{inside}' sh \"$@\"\n")
        program.chmod(0o755)
        trial = ["unshare", "--mount", "--user", "--map-root-user", "mount", "-t", "tmpfs", "tmpfs", str(disk)]
        if not shutil.which("unshare") or subprocess.run(trial, capture_output=True).returncode:
            print("!! SKIPPED: no small disk can be made here, so a full one is not tried", file=sys.stderr)
            raise unittest.SkipTest("no small disk can be made here")
        cls.server = Server(str(program), disk, "--account", ACCOUNT)
        cls.addClassCleanup(cls.server.stop)
        cls.states, cls.s3 = (client(service, cls.server.endpoint) for service in ("stepfunctions", "s3"))

    def test_new_work_is_refused_what_is_there_stays_and_space_lets_it_go_on(self):
        definition = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "Next": "S"},
                                                            "S": {"Type": "Succeed"}}})
        machine = self.states.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
        self.s3.create_bucket(Bucket="filler")
        acknowledged, filled = [], []

        def start():
            acknowledged.append(self.states.start_execution(stateMachineArn=machine)["executionArn"])

        def fill(size):
            """Puts objects of this size until one is refused, as a disk's fault and not the caller's."""
            while True:
                key = f"{size}/{len(filled)}"
                try:
                    self.s3.put_object(Bucket="filler", Key=key, Body=os.urandom(size))
                except ClientError as error:
                    self.assertGreaterEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 500, error)
                    return
                filled.append(key)

        start()
        fill(self.OBJECT_BYTES)
        # What is too large does not fit, and what is small does still: to the last page.
        for size in (64 * 1024, 4096):
            fill(size)
        # Whether a start is taken or refused: what was acknowledged is there, and a refusal is no lie.
        refused = None
        for _ in range(200):
            try:
                start()
            except ClientError as error:
                refused = error.response["ResponseMetadata"]["HTTPStatusCode"]
                break
            except ReadTimeoutError:
                # It was begun when the disk was full, and is not answered until it is not.
                continue
        self.assertEqual(refused, 503, "nothing is refused on a full disk")
        for key in filled:
            self.assertEqual(self.s3.head_object(Bucket="filler", Key=key)["ContentLength"], int(key.split("/")[0]))
        self.assertGreater(len(filled), 10)
        for key in filled:
            self.s3.delete_object(Bucket="filler", Key=key)
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                start()
                break
            except ClientError:
                self.assertLess(time.monotonic(), until, "it does not go on, though there is space again")
                time.sleep(0.1)
        for execution in acknowledged:
            self.assertEqual(ended(self.states, execution)["status"], "SUCCEEDED")
        self.assertGreaterEqual(self.throttled_starts(), 1, "who watches hears of what was refused")

    def throttled_starts(self):
        """What CloudWatch says of it, once it has counted."""
        now, cloudwatch = datetime.now(timezone.utc), client("cloudwatch", self.server.endpoint)
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/States", MetricName="ThrottledEvents", Period=86_400, Statistics=["Sum"],
                Dimensions=[{"Name": "APIName", "Value": "StartExecution"}],
                StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1))["Datapoints"]
            total = sum(point["Sum"] for point in points)
            if total or time.monotonic() > until:
                return total
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
