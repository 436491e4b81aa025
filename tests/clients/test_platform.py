"""The image platform as its user meets it: a file is put into a bucket, and that is all.

The AWS CLI does it where there is one, boto3 otherwise asks the same.
"""
import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest
import uuid

import boto3
from botocore.config import Config

ENDPOINT = os.environ["DARKROOM_ENDPOINT"]
PHOTOS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "photos"
# Of a key that names no account, so that everything is the server's own.
CREDENTIALS = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
INPUT, OUTPUT, TABLE = "darkroom-input", "darkroom-output", "darkroom-images"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:darkroom-image-processing"
PATIENCE_SECONDS = 60


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}), **CREDENTIALS)


def image():
    return f"p{uuid.uuid4().hex[:12]}"


def execution_arn(name):
    return MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"


def until(check, what):
    """What `check` gives as soon as it is something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)


class Platform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s3, cls.sfn, cls.dynamodb = client("s3"), client("stepfunctions"), client("dynamodb")

    def ended(self, arn):
        def check():
            try:
                execution = self.sfn.describe_execution(executionArn=arn)
            except self.sfn.exceptions.ExecutionDoesNotExist:
                return None
            return execution if execution["status"] != "RUNNING" else None

        return until(check, f"the end of {arn}")

    def record(self, image_id, user):
        key = {"imageId": {"S": image_id}, "userId": {"S": user}}
        return self.dynamodb.get_item(TableName=TABLE, Key=key)["Item"]

    def executions_of(self, image_id):
        """The names of the executions whose input is this image's."""
        pages = self.sfn.get_paginator("list_executions").paginate(stateMachineArn=MACHINE)
        arns = [execution["executionArn"] for page in pages for execution in page["executions"]]
        described = [self.sfn.describe_execution(executionArn=arn) for arn in arns]
        return [found["name"] for found in described if json.loads(found["input"])["imageId"] == image_id]

    @unittest.skipUnless(shutil.which("aws"), "the AWS CLI is not there")
    def test_the_aws_cli_is_all_that_a_new_user_needs(self):
        environment = dict(
            os.environ, AWS_ENDPOINT_URL=ENDPOINT, AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any",
            AWS_DEFAULT_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true",
        )

        def aws(*arguments):
            done = subprocess.run(["aws", *arguments], env=environment, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        photo = image()
        aws("s3", "cp", str(PHOTOS / "rocket.jpg"), f"s3://{INPUT}/uploads/u1/{photo}.jpg")
        arn = execution_arn(f"image-processing-{photo}")
        self.ended(arn)
        described = json.loads(aws("stepfunctions", "describe-execution", "--execution-arn", arn))
        self.assertEqual(described["status"], "SUCCEEDED")
        listed = aws("s3", "ls", f"s3://{OUTPUT}/processed/u1/{photo}")
        for size in ["small", "medium"]:
            self.assertIn(f"{photo}-{size}-watermarked.jpg", listed)
        key = json.dumps({"imageId": {"S": photo}, "userId": {"S": "u1"}})
        item = json.loads(aws("dynamodb", "get-item", "--table-name", TABLE, "--key", key))["Item"]
        self.assertEqual(item["status"], {"S": "completed"})

    def test_an_upload_starts_one_execution_with_the_specification_s_input(self):
        photo = image()
        key = f"uploads/ann/{photo}.jpg"
        content = (PHOTOS / "rocket.jpg").read_bytes()
        self.s3.put_object(Bucket=INPUT, Key=key, Body=content)
        execution = self.ended(execution_arn(f"image-processing-{photo}"))
        self.assertEqual(execution["status"], "SUCCEEDED", execution)
        self.assertEqual(
            json.loads(execution["input"]),
            {"imageId": photo, "userId": "ann", "s3Key": key, "fileName": f"{photo}.jpg",
             "fileSize": len(content), "fileType": "image/jpeg"},
        )
        described = self.sfn.describe_state_machine(stateMachineArn=MACHINE)
        self.assertTrue(described["tracingConfiguration"]["enabled"])
        trace = execution["traceHeader"].split(";")[0].removeprefix("Root=")
        traced = client("xray").batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]
        segments = [json.loads(segment["Document"]) for segment in traced]
        [own] = [segment for segment in segments if segment.get("aws", {}).get("execution_arn") == execution["executionArn"]]
        self.assertIn("ResizeImage", [state["name"] for state in own["subsegments"]])
        # What is put again is processed again, whatever it is; another user's image of the same id is another.
        self.s3.put_object(Bucket=INPUT, Key=key, Body=content)
        self.s3.put_object(Bucket=INPUT, Key=key, Body=(PHOTOS / "flower.jpg").read_bytes())
        self.s3.put_object(Bucket=INPUT, Key=f"uploads/ben/{photo}.jpg", Body=content)
        names = until(lambda: (found := self.executions_of(photo)) and len(found) == 4 and found, "four executions")
        for name in names:
            self.assertEqual(self.ended(execution_arn(name))["status"], "SUCCEEDED")
        self.assertEqual(self.record(photo, "ben")["status"], {"S": "completed"})
        self.assertEqual(len(self.executions_of(photo)), 4)

    def test_what_replaces_an_upload_is_processed_though_it_is_as_long(self):
        photo, content = image(), (PHOTOS / "rocket.jpg").read_bytes()
        key = f"uploads/ann/{photo}.jpg"
        # Behind the picture's end, where nobody looks for more of it.
        contents = [content + bytes([number]) for number in range(2)]
        settled = lambda count: lambda: len(names := self.executions_of(photo)) == count and names
        for count, content in enumerate(contents, 1):
            self.s3.put_object(Bucket=INPUT, Key=key, Body=content)
            for name in until(settled(count), f"execution {count}"):
                self.assertEqual(self.ended(execution_arn(name))["status"], "SUCCEEDED")
        # The same event once more starts nothing more, whichever of the two it is of.
        upload = MACHINE.replace("image-processing", "upload")
        recent = self.sfn.list_executions(stateMachineArn=upload, maxResults=100)["executions"]
        events = {self.sfn.describe_execution(executionArn=execution["executionArn"])["input"] for execution in recent}
        events = [event for event in events if json.loads(event)["object"]["key"] == key]
        self.assertEqual(len(events), 2)
        for event in events:
            repeated = self.sfn.start_execution(stateMachineArn=upload, input=event)["executionArn"]
            self.assertEqual(self.ended(repeated)["status"], "SUCCEEDED")
        self.assertEqual(len(self.executions_of(photo)), 2)

    def test_a_key_that_is_nobody_s_starts_nothing(self):
        photo = image()
        content = (PHOTOS / "rocket.jpg").read_bytes()
        for key in [f"uploads/{photo}.jpg", f"uploads/a b/{photo}.jpg", f"elsewhere/u/{photo}.jpg"]:
            self.s3.put_object(Bucket=INPUT, Key=key, Body=content)
        upload = MACHINE.replace("image-processing", "upload")

        def refused():
            found = []
            for execution in self.sfn.list_executions(stateMachineArn=upload, statusFilter="FAILED")["executions"]:
                described = self.sfn.describe_execution(executionArn=execution["executionArn"])
                if photo in described["input"]:
                    found.append((described["error"], json.loads(described["input"])["object"]["key"]))
            return len(found) == 2 and found

        self.assertEqual(
            sorted(until(refused, "two refusals")),
            [("Upload.InvalidKey", f"uploads/a b/{photo}.jpg"), ("Upload.InvalidKey", f"uploads/{photo}.jpg")],
        )
        self.assertEqual(self.executions_of(photo), [])

    def test_a_picture_that_is_none_fails_is_noted_and_lies_in_the_dead_letters(self):
        photo = image()
        self.s3.put_object(Bucket=INPUT, Key=f"uploads/ann/{photo}.jpg", Body=b"no picture")
        arn = execution_arn(f"image-processing-{photo}")
        execution = self.ended(arn)
        self.assertEqual((execution["status"], execution["error"]), ("FAILED", "ImageProcessing.ValidationFailed"))
        record = self.record(photo, "ann")
        self.assertEqual(record["status"], {"S": "failed"})
        self.assertEqual(record["errorInfo"]["M"]["step"], {"S": "validation"})
        sqs = client("sqs")
        queue = sqs.get_queue_url(QueueName="darkroom-dead-letters")["QueueUrl"]

        def letter():
            received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=1)
            events = [json.loads(message["Body"]) for message in received.get("Messages", [])]
            return next((event for event in events if event["resources"] == [arn]), None)

        event = until(letter, "the dead letter")
        detail = event["detail"]
        self.assertEqual(event["detail-type"], "Step Functions Execution Status Change")
        self.assertEqual(
            sorted(detail),
            sorted(["executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "input", "output",
                    "inputDetails", "outputDetails", "stateMachineVersionArn", "stateMachineAliasArn", "redriveCount",
                    "redriveDate", "redriveStatus", "redriveStatusReason", "error", "cause"]),
        )
        self.assertEqual((detail["status"], detail["redriveStatus"]), ("FAILED", "REDRIVABLE"))
        self.assertEqual(json.loads(detail["input"])["imageId"], photo)

    def test_every_change_of_status_is_an_event(self):
        events, sqs = client("events"), client("sqs")
        name = f"changes-{uuid.uuid4().hex[:8]}"
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": "é", "End": True}}}
        role = "arn:aws:iam::000000000000:role/r"
        machine = self.sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
        pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine["stateMachineArn"]]}}
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue_arn}])
        arn = self.sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"n": 1}')["executionArn"]
        found = {}

        def both():
            received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in received.get("Messages", []):
                event = json.loads(message["Body"])
                found[event["detail"]["status"]] = event
            return len(found) == 2 and found

        changes = until(both, "both events")
        started, ended = changes["RUNNING"]["detail"], changes["SUCCEEDED"]["detail"]
        self.assertEqual((started["input"], started["output"], started["stopDate"]), ('{"n": 1}', None, None))
        self.assertEqual((ended["output"], ended["outputDetails"], ended["redriveCount"]), ('"é"', {"included": True}, 0))
        self.assertIsInstance(ended["stopDate"], int)
        self.assertEqual(ended["redriveStatusReason"], "Execution is SUCCEEDED and cannot be redriven")
        self.assertEqual(changes["RUNNING"]["resources"], [arn])


if __name__ == "__main__":
    unittest.main()
