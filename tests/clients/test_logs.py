"""What a server says of itself: each line is JSON, names what it concerns, and holds nobody's data."""
import json
import os
import pathlib
import tempfile
import unittest
import urllib.request

import boto3
from botocore.exceptions import ClientError

from server import Server

BINARY = os.environ["DARKROOM_BINARY"]
ROLE = "arn:aws:iam::000000000000:role/r"
SECRET = "payload-that-nobody-else-may-see"
KEY = "a-secret-that-signs-requests"

# Its input is its output, its cause, and what a function is given that cannot use it.
FAILS = json.dumps({"StartAt": "Call", "States": {
    "Call": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:darkroom-validation",
             "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": "Fail"}], "End": True},
    "Fail": {"Type": "Fail", "Error": "Known", "CausePath": "$.secret"},
}})
CREDENTIALS = f"[user]\naws_access_key_id = AKIAUSER\naws_secret_access_key = {KEY}\n"


class Logs(unittest.TestCase):
    def lines(self, *options, environment=None):
        """Everything that a server says while an execution fails and a request is refused; and the two ids."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "keys").write_text(CREDENTIALS)
            with open(folder / "stderr", "w") as stderr:
                server = Server(BINARY, folder / "data", "--xray-daemon", "off", "--credentials", str(folder / "keys"),
                                *options, stderr=stderr, environment=environment)
                try:
                    ids = self.work(server)
                finally:
                    server.stop()
            return (folder / "stderr").read_text(), *ids

    def work(self, server):
        sfn = boto3.client("stepfunctions", endpoint_url=server.endpoint, region_name="us-east-1",
                           aws_access_key_id="AKIAUSER", aws_secret_access_key=KEY)
        machine = sfn.create_state_machine(name="fails", definition=FAILS, roleArn=ROLE,
                                           tracingConfiguration={"enabled": True})["stateMachineArn"]
        given = json.dumps({"secret": SECRET, "bucket": SECRET})
        started = sfn.start_execution(stateMachineArn=machine, input=given)
        waiter = sfn.describe_execution
        while (execution := waiter(executionArn=started["executionArn"]))["status"] == "RUNNING":
            pass
        self.assertEqual((execution["status"], execution["cause"]), ("FAILED", SECRET))
        with self.assertRaises(ClientError) as caught:
            sfn.start_execution(stateMachineArn=machine, input=SECRET)
        self.assertEqual(caught.exception.response["Error"]["Code"], "InvalidExecutionInput")
        return execution, caught.exception.response["ResponseMetadata"]["RequestId"]

    def test_every_line_is_json_and_names_what_it_concerns(self):
        text, execution, request_id = self.lines("--log-format", "json", "--log", "debug")
        lines = [json.loads(line) for line in text.splitlines()]
        for line in lines:
            self.assertLessEqual({"time", "level", "target", "message"}, line.keys(), line)
        [ended] = [line for line in lines if line["message"] == "an execution has ended badly"]
        self.assertEqual((ended["level"], ended["status"], ended["error"]), ("info", "FAILED", "Known"))
        self.assertEqual(ended["execution_arn"], execution["executionArn"])
        self.assertIn(ended["trace_id"], execution["traceHeader"])
        [refused] = [line for line in lines if line.get("request_id") == request_id]
        self.assertEqual((refused["message"], refused["status"], refused["path"]), ("a request is answered", 400, "/"))

    def test_nothing_of_a_payload_or_a_key_is_said_at_any_level(self):
        for level in ("info", "trace"):
            text, _, _ = self.lines("--log", level)
            self.assertIn("an execution has ended badly", text)
            for secret in (SECRET, KEY):
                self.assertNotIn(secret, text)
            self.assertNotIn("\x1b", text, "colours are for terminals")

    def test_little_is_said_unasked_and_the_variable_asks_too(self):
        self.assertEqual(self.lines()[0], "")
        text, execution, _ = self.lines(environment={"DARKROOM_LOG": "off,darkroom=info"})
        self.assertIn(execution["executionArn"], text)
