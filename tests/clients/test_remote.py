"""Services that are somewhere else: the same Tasks reach the embedded services and remote ones, and get the same answers.

moto stands for AWS, on loopback. Two servers are run: one with its own services, and one whose `darkroom.toml` has them all
at moto. Each Task is executed on both, and what comes of it must be equal but for ids and what an answer says of itself.
Then the suite of `test_services` is run against moto, where moto does what AWS does: each of S3, DynamoDB, SNS, SQS and
EventBridge has cases in both. Lambda is not among them, since moto runs functions in Docker. Skipped loudly without moto.
"""
import json, os, pathlib, re, subprocess, sys, tempfile, time, unittest

import boto3
from botocore.config import Config

from server import Moto, Server
from support import ACCOUNT, PATIENCE_SECONDS, REGION, ROLE, name

KEY = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "secret"}
REMOTE = ("dynamodb", "events", "s3", "sns", "sqs")
SUITE_SECONDS = 300

# Cases of `test_services` that moto, and not AWS, answers differently: what it does.
NOT_AS_AWS = {
    "test_sqs_batches": "takes a message of characters that SQS refuses",
    "test_sqs_dead_letters": "does not say which queue a dead letter is of",
    "test_sqs_in_the_query_protocol": "answers ReceiveMessage in another order",
    "test_sns_to_http_with_confirmation_and_retry": "confirms subscriptions by itself",
    "test_sns_fifo_topics": "does not tell of FifoThroughputScope",
    "test_sns_faults_and_topics": "takes subjects of two lines and unknown protocols",
    "test_events_templates_take_quotes": "fails at a quote in what a template is filled with",
    "test_events_faults_and_patterns": "fails at a detail that is no JSON, and takes patterns that EventBridge refuses",
    "test_s3_presigned_urls": "ignores ResponseContentType",
    "test_s3_tells_eventbridge": "sends events of buckets only where that is asked for",
}
# And those that hold what the embedded services do not have.
NOT_EMBEDDED = {"test_s3_settings_that_are_not_there", "test_lambda_invoke"}

# Members that moto has of its own, or lacks, in the answers to these Tasks.
MEMBERS_OF_MOTO = {
    "dynamodb:updateItem": {"ConsumedCapacity"},
    "aws-sdk:s3:getObject": {"ServerSideEncryption"},
    "aws-sdk:s3:putObject": {"ServerSideEncryption"},
    "aws-sdk:eventbridge:listRules": {"NextToken"},
}

# What was made for one run, and what stands in its place.
MADE = [
    (r'(?<="ReceiptHandle": ")[^"]+', "HANDLE"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"Request ID: [^;),]+", "Request ID: ID"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
]


class Side:
    """A server, and the clients of its services, wherever those are."""

    def __init__(self, server, services):
        self.server = server
        self.sfn = self.client("stepfunctions", server.endpoint)
        self.sqs, self.sns, self.dynamodb, self.events, self.s3 = (
            self.client(service, services) for service in ("sqs", "sns", "dynamodb", "events", "s3"))
        self.queue = self.sqs.create_queue(QueueName="q")["QueueUrl"]
        self.topic = self.sns.create_topic(Name="t")["TopicArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.queue_arn(),
                           Attributes={"RawMessageDelivery": "true"})
        self.dynamodb.create_table(
            TableName="images", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "imageId", "KeyType": "HASH"}, {"AttributeName": "userId", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("imageId", "userId")])
        self.s3.create_bucket(Bucket="photos")
        self.s3.put_object(Bucket="photos", Key="uploads/ü 1.txt", Body="größe".encode(), ContentType="text/plain",
                           Metadata={"owner": "me"})

    @staticmethod
    def client(service, endpoint):
        config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=ACCOUNT,
                            aws_secret_access_key="secret", config=config)

    def queue_arn(self):
        return self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def received(self):
        answer = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=10, MessageAttributeNames=["All"])
        (message,) = answer["Messages"]
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return message

    def task(self, resource, parameters):
        """How an execution of this one Task ends: its output, or its error and cause."""
        execution = self.started(resource, parameters)
        until = time.monotonic() + PATIENCE_SECONDS
        while (described := self.sfn.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < until, f"{resource} does not end"
            time.sleep(0.02)
        if described["status"] == "SUCCEEDED":
            output = json.loads(described["output"])
            for member in ("SdkHttpMetadata", "SdkResponseMetadata"):
                output.pop(member, None)
            return output
        return described["error"], described["cause"]

    def started(self, resource, parameters):
        state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}
        machine = self.sfn.create_state_machine(
            name=name("remote"), roleArn=ROLE, definition=json.dumps({"StartAt": "T", "States": {"T": state}}))
        return self.sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]


def normal(value):
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    for pattern, replacement in MADE:
        text = re.sub(pattern, replacement, text)
    return json.loads(text)


def items(action, **more):
    return f"dynamodb:{action}", {"TableName": "images", "Key": {"imageId": {"S": "i"}, "userId": {"S": "u"}}, **more}


# Tasks that answer, in the order in which they are executed. `QUEUE` and `TOPIC` are filled in.
ANSWERED = [
    ("sqs:sendMessage", {"QueueUrl": "QUEUE", "MessageBody": {"n": 1}}),
    ("aws-sdk:sqs:receiveMessage", {"QueueUrl": "QUEUE", "WaitTimeSeconds": 10, "VisibilityTimeout": 0}),
    ("aws-sdk:sqs:purgeQueue", {"QueueUrl": "QUEUE"}),
    ("sns:publish", {"TopicArn": "TOPIC", "Message": "hello", "Subject": "S"}),
    ("dynamodb:putItem", {"TableName": "images", "Item": {
        "imageId": {"S": "i"}, "userId": {"S": "u"}, "status": {"S": "processing"}, "tags": {"SS": ["a"]}}}),
    items("getItem"),
    items("updateItem", UpdateExpression="SET #s = :s ADD n :n", ExpressionAttributeNames={"#s": "status"},
          ExpressionAttributeValues={":s": {"S": "failed"}, ":n": {"N": "1"}}, ReturnValues="ALL_NEW"),
    ("aws-sdk:dynamodb:query", {"TableName": "images", "KeyConditionExpression": "imageId = :i",
                                "ExpressionAttributeValues": {":i": {"S": "i"}}}),
    items("deleteItem", ReturnValues="ALL_OLD"),
    items("getItem"),
    ("aws-sdk:s3:getObject", {"Bucket": "photos", "Key": "uploads/ü 1.txt"}),
    ("aws-sdk:s3:putObject", {"Bucket": "photos", "Key": "b", "Body": "text"}),
    ("aws-sdk:s3:listObjectsV2", {"Bucket": "photos", "Prefix": "uploads/"}),
    ("aws-sdk:s3:deleteObject", {"Bucket": "photos", "Key": "b"}),
    ("events:putEvents", {"Entries": [{"Source": "s", "DetailType": "t", "Detail": {"n": 1}}]}),
    ("aws-sdk:eventbridge:listRules", {}),
]

# Tasks that are refused: by the same error.
REFUSED = [
    ("sns:publish", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:missing", "Message": "m"}, "SNS.NotFoundException"),
    ("dynamodb:getItem", {"TableName": "missing", "Key": {"id": {"S": "1"}}}, "DynamoDB.ResourceNotFoundException"),
    (*items("updateItem", UpdateExpression="SET a = :a", ExpressionAttributeValues={":a": {"S": "b"}},
            ConditionExpression="attribute_exists(imageId)"), "DynamoDB.ConditionalCheckFailedException"),
    ("aws-sdk:s3:getObject", {"Bucket": "photos", "Key": "missing"}, "S3.NoSuchKeyException"),
    ("aws-sdk:s3:listObjectsV2", {"Bucket": "missing"}, "S3.NoSuchBucketException"),
    ("aws-sdk:dynamodb:query", {"TableName": "missing", "KeyConditionExpression": "i = :i",
                                "ExpressionAttributeValues": {":i": {"S": "1"}}}, "DynamoDb.ResourceNotFoundException"),
]


class Remote(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto()
        cls.addClassCleanup(cls.moto.stop)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        settings = pathlib.Path(folder.name, "remote.toml")
        settings.write_text("".join(f'[services.{service}]\nendpoint = "{cls.moto.endpoint}"\n' for service in REMOTE))
        binary = os.environ["DARKROOM_BINARY"]
        embedded = Server(binary, f"{folder.name}/embedded")
        cls.addClassCleanup(embedded.stop)
        remote = Server(binary, f"{folder.name}/remote", "--config", str(settings), environment=KEY)
        cls.addClassCleanup(remote.stop)
        cls.sides = Side(embedded, embedded.endpoint), Side(remote, cls.moto.endpoint)

    def filled(self, side, parameters):
        return json.loads(json.dumps(parameters).replace("QUEUE", side.queue).replace("TOPIC", side.topic))

    def test_tasks_get_the_same_answers(self):
        for resource, parameters in ANSWERED:
            with self.subTest(resource):
                answers = [normal(side.task(resource, self.filled(side, parameters))) for side in self.sides]
                for answer in answers:
                    self.assertIsInstance(answer, dict, "it is no refusal")
                    for member in MEMBERS_OF_MOTO.get(resource, ()):
                        answer.pop(member, None)
                self.assertEqual(*answers)

    def test_tasks_are_refused_by_the_same_errors(self):
        for resource, parameters, error in REFUSED:
            with self.subTest(resource, error=error):
                answers = [normal(side.task(resource, self.filled(side, parameters))) for side in self.sides]
                self.assertEqual(answers[0][0], error, answers)
                self.assertEqual(answers[1][0], error, answers)

    def test_a_callback_comes_by_a_queue_that_is_somewhere_else(self):
        for side in self.sides:
            side.sqs.purge_queue(QueueUrl=side.queue)
            execution = side.started("sqs:sendMessage.waitForTaskToken", {
                "QueueUrl": side.queue, "MessageBody": {"token.$": "$$.Task.Token"}})
            token = json.loads(side.received()["Body"])["token"]
            side.sfn.send_task_success(taskToken=token, output='{"done": true}')
            self.assertEqual(side.sfn.describe_execution(executionArn=execution)["output"], '{"done": true}')

    def test_what_is_somewhere_else_is_not_served_here(self):
        _, remote = self.sides
        with self.assertRaises(Exception) as caught:
            Side.client("sqs", remote.server.endpoint).list_queues()
        self.assertIn("not supported", str(caught.exception))

    def test_the_suite_of_the_services_against_what_stands_for_aws(self):
        suite = (pathlib.Path(__file__).parent / "test_services.py").read_text()
        cases = re.findall(r"^def (test_\w+)", suite, re.MULTILINE)
        self.assertLessEqual(NOT_AS_AWS.keys() | NOT_EMBEDDED, set(cases))
        chosen = [case for case in cases if case not in NOT_AS_AWS and case not in NOT_EMBEDDED]
        program = ("import sys, test_services\n"
                   "for case in sys.argv[1:]: getattr(test_services, case)(); print('passed', case)")
        done = subprocess.run([sys.executable, "-c", program, *chosen], cwd=pathlib.Path(__file__).parent,
                              env={**os.environ, "DARKROOM_ENDPOINT": self.moto.endpoint}, capture_output=True, text=True,
                              timeout=SUITE_SECONDS)
        self.assertEqual(done.stdout.splitlines(), [f"passed {case}" for case in chosen], done.stderr)
        for service in REMOTE:
            self.assertTrue(any(case.startswith(f"test_{service}_") for case in chosen), f"no case of {service} is in both")


if __name__ == "__main__":
    unittest.main()
