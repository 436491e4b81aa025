"""The image workflow with its buckets, its table and its topic somewhere else: moto stands for AWS, on loopback.

The functions are those of the server; what they read and write is moto's. Skipped loudly without moto.
"""
import json, os, pathlib, tempfile, time, unittest

import boto3
from botocore.config import Config

from server import Moto, Server
from support import ACCOUNT, PATIENCE_SECONDS, REGION

PHOTOS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "photos"
KEY = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "secret"}
REMOTE = ("dynamodb", "events", "s3", "sns", "sqs")
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:darkroom-image-processing"


class RemotePlatform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto()
        cls.addClassCleanup(cls.moto.stop)
        s3, dynamodb, sns, cls.sqs = (cls.client(service, cls.moto.endpoint) for service in ("s3", "dynamodb", "sns", "sqs"))
        cls.s3, cls.dynamodb = s3, dynamodb
        for bucket in ("darkroom-input", "darkroom-output"):
            s3.create_bucket(Bucket=bucket)
        dynamodb.create_table(
            TableName="darkroom-images", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "imageId", "KeyType": "HASH"}, {"AttributeName": "userId", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("imageId", "userId")])
        topic = sns.create_topic(Name="darkroom-notifications")["TopicArn"]
        cls.queue = cls.sqs.create_queue(QueueName="told")["QueueUrl"]
        queue_arn = cls.sqs.get_queue_attributes(QueueUrl=cls.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
        data = tempfile.TemporaryDirectory()
        cls.addClassCleanup(data.cleanup)
        settings = "".join(f'[services.{service}]\nendpoint = "{cls.moto.endpoint}"\n' for service in REMOTE)
        (pathlib.Path(data.name) / "darkroom.toml").write_text(settings)
        server = Server(os.environ["DARKROOM_BINARY"], data.name, "--account", ACCOUNT, environment=KEY)
        cls.addClassCleanup(server.stop)
        cls.sfn = cls.client("stepfunctions", server.endpoint)

    @staticmethod
    def client(service, endpoint):
        config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=ACCOUNT,
                            aws_secret_access_key="secret", config=config)

    def processed(self, image, content):
        """The image's execution, once it has ended, and its record."""
        key = f"uploads/ann/{image}.jpg"
        self.s3.put_object(Bucket="darkroom-input", Key=key, Body=content)
        given = {"imageId": image, "userId": "ann", "s3Key": key, "fileName": f"{image}.jpg", "fileSize": len(content),
                 "fileType": "image/jpeg"}
        arn = self.sfn.start_execution(stateMachineArn=MACHINE, input=json.dumps(given))["executionArn"]
        until = time.monotonic() + PATIENCE_SECONDS
        while (described := self.sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < until, f"{image} does not end"
            time.sleep(0.05)
        item = self.dynamodb.get_item(
            TableName="darkroom-images", Key={"imageId": {"S": image}, "userId": {"S": "ann"}})["Item"]
        return described, item

    def test_a_photo_is_processed_and_recorded_there(self):
        described, item = self.processed("good", (PHOTOS / "rocket.jpg").read_bytes())
        self.assertEqual((described["status"], item["status"]), ("SUCCEEDED", {"S": "completed"}))
        output = json.loads(described["output"])
        named = [image["s3Key"] for image in output["resizeResult"]["resizedImages"]]
        named += [image["s3Key"] for image in output["watermarkResult"]["watermarkedImages"]]
        listed = self.s3.list_objects_v2(Bucket="darkroom-output", Prefix="processed/ann/good-")["Contents"]
        self.assertEqual(sorted(found["Key"] for found in listed), sorted(named))

    def test_what_is_no_picture_fails_is_recorded_and_told_there(self):
        described, item = self.processed("broken", b"no picture")
        self.assertEqual((described["status"], described["error"]), ("FAILED", "ImageProcessing.ValidationFailed"))
        self.assertEqual((item["status"], item["errorInfo"]["M"]["step"]), ({"S": "failed"}, {"S": "validation"}))
        told = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=10)["Messages"]
        self.assertIn("Image processing failed for image broken", told[0]["Body"])


if __name__ == "__main__":
    unittest.main()
