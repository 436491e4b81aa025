"""The specification's error handler, unchanged but for an import, as a function of Python.

AWS's own runtime for Python (`awslambdaric`) asks the embedded Lambda's Runtime API for events, and the handler's boto3
reaches the embedded DynamoDB; both know where from the environment that every function has. Skipped loudly without pip.
"""
import json, os, pathlib, sys, tempfile, time, unittest

import boto3
from botocore.config import Config

from packages import installed
from server import Server
from support import PATIENCE_SECONDS, REGION, ROLE

FUNCTIONS = pathlib.Path(__file__).resolve().parent / "functions"
ACCOUNT = "000000000000"
TABLE = "darkroom-images"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:error-handler"

# As in the specification's workflow: what fails is caught, handled with the step's name, told, and fails in the end.
WORKFLOW = {
    "StartAt": "ValidateImage",
    "States": {
        "ValidateImage": {
            "Type": "Task", "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:missing", "End": True,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "HandleError", "ResultPath": "$.error"}],
        },
        "HandleError": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "NotifyFailure",
            "Parameters": {"FunctionName": ARN, "Payload": {
                "imageId.$": "$.imageId", "userId.$": "$.userId", "error.$": "$.error", "step": "validation"}},
            "ResultSelector": {"answer.$": "$.Payload"}, "ResultPath": "$.handled",
        },
        "NotifyFailure": {
            "Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Next": "Failed", "ResultPath": None,
            "Parameters": {"TopicArn.$": "$.topic", "Subject": "Image processing failed",
                           "Message.$": "$.handled.answer.body"},
        },
        "Failed": {"Type": "Fail", "Error": "ImageProcessingFailed"},
    },
}


class ErrorHandler(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        packages = installed("awslambdaric==4.2.2")
        data = tempfile.TemporaryDirectory()
        cls.addClassCleanup(data.cleanup)
        function = {
            "command": [sys.executable, "-m", "awslambdaric", "error_handler.lambda_handler"],
            "directory": str(FUNCTIONS), "handler": "error_handler.lambda_handler",
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in function.items()]
        environment = f'{{ DYNAMODB_TABLE = "{TABLE}", PYTHONPATH = {json.dumps(str(packages))}, PYTHONDONTWRITEBYTECODE = "1" }}'
        settings = "\n".join(["[functions.error-handler]", *lines, f"environment = {environment}\n"])
        pathlib.Path(data.name, "darkroom.toml").write_text(settings)
        server = Server(os.environ["DARKROOM_BINARY"], data.name)
        cls.addClassCleanup(server.stop)
        config = Config(retries={"max_attempts": 0})
        client = lambda service: boto3.client(service, endpoint_url=server.endpoint, region_name=REGION, config=config,
                                              aws_access_key_id=ACCOUNT, aws_secret_access_key="secret")
        cls.functions, cls.dynamodb, cls.sfn, cls.sns, cls.sqs = (
            client(service) for service in ("lambda", "dynamodb", "stepfunctions", "sns", "sqs"))

    def record(self, image):
        key = {"imageId": {"S": image}, "userId": {"S": "ann"}}
        return self.dynamodb.get_item(TableName=TABLE, Key=key)["Item"]

    def test_a_call_leaves_its_record(self):
        event = {"imageId": "called", "userId": "ann", "error": {"Error": "Boom"}, "step": "resize"}
        answered = self.functions.invoke(FunctionName="error-handler", Payload=json.dumps(event), LogType="Tail")
        self.assertNotIn("FunctionError", answered)
        answer = json.loads(answered["Payload"].read())
        self.assertEqual(answer, {"statusCode": 200, "body": {
            "message": "Error handled successfully", "imageId": "called", "step": "resize", "error": "{'Error': 'Boom'}"}})
        record = self.record("called")
        self.assertEqual(record["status"], {"S": "failed"})
        self.assertEqual(record["errorInfo"]["M"]["step"], {"S": "resize"})
        self.assertEqual(record["errorInfo"]["M"]["error"], {"S": "{'Error': 'Boom'}"})
        self.assertEqual(sorted(record["errorInfo"]["M"]), ["error", "step", "timestamp"])

    def test_a_workflow_that_fails_is_recorded_and_told(self):
        topic = self.sns.create_topic(Name="failures")["TopicArn"]
        queue = self.sqs.create_queue(QueueName="failures")["QueueUrl"]
        queue_arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
        machine = self.sfn.create_state_machine(name="handled", definition=json.dumps(WORKFLOW), roleArn=ROLE)
        given = json.dumps({"imageId": "caught", "userId": "ann", "topic": topic})
        arn = self.sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=given)["executionArn"]
        until = time.monotonic() + PATIENCE_SECONDS
        while (described := self.sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
            self.assertLess(time.monotonic(), until, "it does not end")
            time.sleep(0.05)
        self.assertEqual((described["status"], described["error"]), ("FAILED", "ImageProcessingFailed"))
        record = self.record("caught")
        self.assertEqual((record["status"], record["errorInfo"]["M"]["step"]), ({"S": "failed"}, {"S": "validation"}))
        self.assertIn("Lambda.ResourceNotFoundException", record["errorInfo"]["M"]["error"]["S"])
        (message,) = self.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
        told = json.loads(message["Body"])
        self.assertEqual((told["message"], told["imageId"]), ("Error handled successfully", "caught"))

    def test_what_the_handler_lacks_is_what_the_caller_is_told(self):
        # It puts what went wrong into its answer, and does not fail.
        answered = self.functions.invoke(FunctionName="error-handler", Payload=json.dumps({"step": "resize"}))
        answer = json.loads(answered["Payload"].read())
        self.assertEqual((answer["statusCode"], answer["body"]["message"]), (500, "Failed to handle error"))
        self.assertIn("ValidationException", answer["body"]["error"])
        # And an event that is none of its kind is an error of the runtime's.
        answered = self.functions.invoke(FunctionName="error-handler", Payload=b"[]")
        self.assertEqual(answered["FunctionError"], "Unhandled")
        self.assertEqual(json.loads(answered["Payload"].read())["errorType"], "AttributeError")


if __name__ == "__main__":
    unittest.main()
