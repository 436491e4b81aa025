"""Requests to a server that was given access keys: AWS's own signers are let in, everyone else is told why not."""
import json, os, pathlib, sys, tempfile, unittest, urllib.error, urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from server import Server

# A function that asks for the queues, with whatever its environment gives it.
FUNCTION = """
import json, os, urllib.request, boto3
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(base + "next") as event:
        id = event.headers["Lambda-Runtime-Aws-Request-Id"]
    queues = boto3.client("sqs").list_queues(QueueNamePrefix="asked-for").get("QueueUrls", [])
    urllib.request.urlopen(base + id + "/response", json.dumps(len(queues)).encode()).read()
"""

KEYS = "[anna]\naws_access_key_id = AKIDANNA\naws_secret_access_key = a/long+secret\n"


class Signatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        keys = pathlib.Path(cls.folder.name) / "keys"
        keys.write_text(KEYS)
        config = pathlib.Path(cls.folder.name) / "darkroom.toml"
        config.write_text("[functions.asks]\ncommand = " + json.dumps([sys.executable, "-c", FUNCTION]) + "\n")
        data = pathlib.Path(cls.folder.name) / "data"
        cls.server = Server(os.environ["DARKROOM_BINARY"], data, "--credentials", str(keys), "--config", str(config))
        cls.addClassCleanup(cls.server.stop)

    def client(self, service, key="AKIDANNA", secret="a/long+secret", region="eu-west-1"):
        return boto3.client(
            service,
            endpoint_url=self.server.endpoint,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            # boto3 presigns as of old unless it is asked for Signature Version 4.
            config=Config(signature_version="s3v4" if service == "s3" else "v4", retries={"max_attempts": 0}),
        )

    def status(self, method, url, body=None):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body, method=method)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def test_every_service_takes_its_own_signer(self):
        self.assertIn("stateMachines", self.client("stepfunctions").list_state_machines())
        url = self.client("sqs").create_queue(QueueName="signed")["QueueUrl"]
        self.client("sqs").send_message(QueueUrl=url, MessageBody="ä&=% \n")
        self.assertEqual(self.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"], "ä&=% \n")
        self.assertTrue(self.client("sns").create_topic(Name="signed")["TopicArn"].endswith(":signed"))
        self.assertIn("TableNames", self.client("dynamodb").list_tables())
        self.client("events").put_rule(Name="signed", EventPattern='{"source": ["a"]}')
        self.assertTrue(self.client("lambda").list_functions()["Functions"])

    def test_objects_go_in_and_out(self):
        s3 = self.client("s3")
        s3.create_bucket(Bucket="signed", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for key in ["plain.txt", "a folder/ü & +=%.txt", "a/../b//c~", "'(!)*"]:
            s3.put_object(Bucket="signed", Key=key, Body=key.encode())
            self.assertEqual(s3.get_object(Bucket="signed", Key=key)["Body"].read(), key.encode(), key)
            url = s3.generate_presigned_url("get_object", {"Bucket": "signed", "Key": key}, ExpiresIn=60)
            self.assertEqual(self.status("GET", url), (200, key.encode()), url)
        large = os.urandom(9 * 1024 * 1024)
        with tempfile.NamedTemporaryFile() as file:
            file.write(large)
            file.flush()
            s3.upload_file(file.name, "signed", "large")
        self.assertEqual(s3.get_object(Bucket="signed", Key="large")["Body"].read(), large)

    def test_functions_sign_with_the_server_s_own_key(self):
        # The server's own region, which its functions are told.
        self.client("sqs", region="us-east-1").create_queue(QueueName="asked-for")
        answer = self.client("lambda").invoke(FunctionName="asks", Payload=b"{}")
        self.assertEqual((answer.get("FunctionError"), answer["Payload"].read()), (None, b"1"))

    def test_a_presigned_url_is_good_for_what_it_was_made_for(self):
        s3 = self.client("s3")
        s3.create_bucket(Bucket="presigned", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        put = s3.generate_presigned_url("put_object", {"Bucket": "presigned", "Key": "k"}, ExpiresIn=60)
        self.assertEqual(self.status("PUT", put, b"body")[0], 200)
        self.assertEqual(self.status("GET", put)[0], 403)
        self.assertEqual(self.status("PUT", put.replace("/k?", "/other?"), b"body")[0], 403)
        self.assertEqual(self.status("PUT", put.replace("Expires=60", "Expires=600"), b"body")[0], 403)
        status, body = self.status("GET", self.server.endpoint + "/presigned/k")
        self.assertEqual((status, b"<Code>AccessDenied</Code>" in body), (403, True), body)

    def test_who_signs_wrong_is_told_so_in_the_service_s_own_words(self):
        for service, operation, unknown, mismatch in [
            ("stepfunctions", "list_state_machines", "UnrecognizedClientException", "InvalidSignatureException"),
            ("dynamodb", "list_tables", "UnrecognizedClientException", "InvalidSignatureException"),
            ("events", "list_rules", "UnrecognizedClientException", "InvalidSignatureException"),
            ("lambda", "list_functions", "UnrecognizedClientException", "InvalidSignatureException"),
            ("sns", "list_topics", "InvalidClientTokenId", "SignatureDoesNotMatch"),
            ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        ]:
            for client, code in [
                (self.client(service, key="AKIDOTHER"), unknown),
                (self.client(service, secret="guessed"), mismatch),
            ]:
                with self.subTest(service=service, code=code), self.assertRaises(ClientError) as caught:
                    getattr(client, operation)()
                self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def test_a_body_that_was_not_signed_is_not_stored(self):
        s3 = self.client("s3")
        s3.create_bucket(Bucket="tampered", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

        def change(request, **_):
            request.body = b"BODY"

        s3.meta.events.register("before-send.s3.PutObject", change)
        with self.assertRaises(ClientError) as caught:
            s3.put_object(Bucket="tampered", Key="k", Body=b"body")
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assertEqual(self.client("s3").list_objects_v2(Bucket="tampered")["KeyCount"], 0)


if __name__ == "__main__":
    unittest.main()
