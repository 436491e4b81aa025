"""What the client tests share: a client, names of their own, refusals."""
import itertools, json, os, time, unittest, urllib.error, urllib.request, uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["DARKROOM_ENDPOINT"]
REGION = "us-east-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
# The longest that a test waits for an execution.
PATIENCE_SECONDS = 30

PASS = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
WAIT = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}})

_numbers = itertools.count()


def client(service="stepfunctions"):
    """An AWS SDK's client, as a user makes one. Bounds are left for the server to check."""
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
        config=Config(inject_host_prefix=False, parameter_validation=False, retries={"max_attempts": 0}),
    )


def name(prefix="n"):
    """A name that no other test has."""
    return f"{prefix}-{next(_numbers)}-{uuid.uuid4().hex[:8]}"


def comment(text):
    """A definition that differs from others in nothing but this."""
    return json.dumps({"Comment": text, **json.loads(PASS)})


def raw(action, body, headers=None):
    """A call without a client: the status, and the answer's JSON."""
    request = urllib.request.Request(
        ENDPOINT,
        data=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={"X-Amz-Target": f"AWSStepFunctions.{action}", "Content-Type": "application/x-amz-json-1.0",
                 **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


class Case(unittest.TestCase):
    """A test with a client, which says what is refused and how."""

    @classmethod
    def setUpClass(cls):
        cls.sfn = client()

    def refused(self, code, call, **arguments):
        """The error of a call that must be refused with this code."""
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], code, error)
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 400, error)
        return error

    def refused_with(self, code, message, call, **arguments):
        self.assertEqual(self.refused(code, call, **arguments)["Error"]["Message"], message)

    def machine(self, definition=PASS, **more):
        arguments = {"name": name("machine"), "definition": definition, "roleArn": ROLE, **more}
        return self.sfn.create_state_machine(**arguments)

    def ended(self, arn):
        """The execution, once it has ended."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            execution = self.sfn.describe_execution(executionArn=arn)
            if execution["status"] != "RUNNING":
                return execution
            self.assertLess(time.monotonic(), until, f"{arn} does not end")
            time.sleep(0.02)

    def pages(self, operation, key, size, **arguments):
        """Every page's items. The SDK has no paginator for some of these operations."""
        pages = []
        while True:
            page = getattr(self.sfn, operation)(maxResults=size, **arguments)
            pages.append(page[key])
            if "nextToken" not in page:
                return pages
            arguments["nextToken"] = page["nextToken"]
