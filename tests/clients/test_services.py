"""The services through the clients that people use: boto3, and the AWS CLI where there is one.

Each case is a function that begins with `test_`; it makes what it needs under a name of its own.
"""
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
import uuid

import boto3
import botocore.config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["DARKROOM_ENDPOINT"]
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


def client(service, **config):
    retries = botocore.config.Config(retries={"max_attempts": 0}, **config)
    return boto3.client(service, endpoint_url=ENDPOINT, config=retries, **CREDENTIALS)


def name(prefix="t"):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def refused(code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{found} instead of {code}: {error}"
        return error.response
    raise AssertionError(f"{call} with {parameters} was not refused")


def until(check, seconds=20):
    """What `check` gives as soon as it is something."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found or time.monotonic() > end:
            assert found, "it did not come"
            return found
        time.sleep(0.02)


def queue():
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name("q"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return sqs, url, arn


def receive(sqs, url, **parameters):
    return sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, **parameters).get("Messages", [])


# SQS


def test_sqs_a_message_goes_through():
    sqs, url, _ = queue()
    attributes = {
        "text": {"DataType": "String", "StringValue": "größe"},
        "number": {"DataType": "Number", "StringValue": "1.5"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    # boto3 itself checks the digests of body and attributes.
    sqs.send_message(QueueUrl=url, MessageBody="a body", MessageAttributes=attributes)
    (message,) = receive(sqs, url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    assert message["Body"] == "a body" and message["MessageAttributes"] == attributes, message
    assert message["Attributes"]["ApproximateReceiveCount"] == "1", message
    assert sqs.receive_message(QueueUrl=url).get("Messages", []) == [], "a message in flight is hidden"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = receive(sqs, url, AttributeNames=["ApproximateReceiveCount"])
    assert again["Attributes"]["ApproximateReceiveCount"] == "2", again
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0", counts


def test_sqs_who_waits_is_woken():
    sqs, url, _ = queue()
    found = []
    waiter = threading.Thread(target=lambda: found.extend(receive(client("sqs"), url)))
    waiter.start()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    waiter.join(15)
    assert [message["Body"] for message in found] == ["x"], found


def test_sqs_batches():
    sqs, url, _ = queue()
    entries = [{"Id": str(n), "MessageBody": f"m{n}"} for n in range(9)] + [{"Id": "bad", "MessageBody": "\x00"}]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert len(answer["Successful"]) == 9 and [e["Id"] for e in answer["Failed"]] == ["bad"], answer
    messages = receive(sqs, url, MaxNumberOfMessages=10)
    assert sorted(message["Body"] for message in messages) == [f"m{n}" for n in range(9)], messages
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]) == 9
    refused("AWS.SimpleQueueService.EmptyBatchRequest", sqs.send_message_batch, QueueUrl=url, Entries=[])


def test_sqs_dead_letters():
    sqs, dead_url, dead_arn = queue()
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName=name("q"), Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert len(receive(sqs, url, VisibilityTimeout=0)) == 1
    assert sqs.receive_message(QueueUrl=url).get("Messages", []) == []
    (message,) = receive(sqs, dead_url, AttributeNames=["All"])
    assert message["Body"] == "poison" and message["Attributes"]["DeadLetterQueueSourceArn"].endswith(url.rsplit("/")[-1])
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead_url)["queueUrls"] == [url]


def test_sqs_fifo():
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name("q") + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for body, group, once in [("a1", "a", "1"), ("a2", "a", "2"), ("b1", "b", "3"), ("a1", "a", "1")]:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=once)
    (first,) = receive(sqs, url)
    (second,) = receive(sqs, url)
    assert (first["Body"], second["Body"]) == ("a1", "b1"), "a group waits for its message in flight"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    (third,) = receive(sqs, url)
    assert third["Body"] == "a2"
    refused("MissingParameter", sqs.send_message, QueueUrl=url, MessageBody="x")


def test_sqs_faults_and_tags():
    sqs, url, _ = queue()
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName=name())
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="nonsense")
    refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=url.rsplit("/")[-1], Attributes={"DelaySeconds": "7"})
    sqs.tag_queue(QueueUrl=url, Tags={"a": "1", "b": "2"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2"}
    sqs.delete_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.send_message, QueueUrl=url, MessageBody="x")


def test_sqs_in_the_query_protocol():
    form = "Action=CreateQueue&Version=2012-11-05&QueueName=" + name("q") + "&Attribute.1.Name=DelaySeconds&Attribute.1.Value=0"
    post = lambda form: urllib.request.urlopen(ENDPOINT, form.encode()).read().decode()
    url = post(form).split("<QueueUrl>")[1].split("<")[0]
    post(f"Action=SendMessage&Version=2012-11-05&QueueUrl={url}&MessageBody=old&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=v")
    answer = post(f"Action=ReceiveMessage&Version=2012-11-05&QueueUrl={url}&MessageAttributeName.1=All&AttributeName.1=All&WaitTimeSeconds=5")
    assert "<Message><MessageId>" in answer and "<Body>old</Body>" in answer, answer
    assert "<MessageAttribute><Name>n</Name><Value><DataType>String</DataType>" in answer, answer


# SNS


def test_sns_to_queues_with_filters():
    sns, (sqs, plain, plain_arn), (_, raw, raw_arn) = client("sns"), queue(), queue()
    topic = sns.create_topic(Name=name("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=plain_arn)
    attributes = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"kind": ["photo"], "n": [{"numeric": [">", 1]}]})}
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=raw_arn, Attributes=attributes)["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicyScope"] == "MessageAttributes"
    kind = lambda kind, n: {"kind": {"DataType": "String", "StringValue": kind}, "n": {"DataType": "Number", "StringValue": n}}
    sns.publish(TopicArn=topic, Message="for all", Subject="S", MessageAttributes=kind("film", "2"))
    sns.publish(TopicArn=topic, Message="for both", MessageAttributes=kind("photo", "2"))
    bodies = [json.loads(m["Body"]) for _ in range(2) for m in receive(sqs, plain)]
    assert sorted(body["Message"] for body in bodies) == ["for all", "for both"], bodies
    assert {body["Type"] for body in bodies} == {"Notification"} and {body["TopicArn"] for body in bodies} == {topic}
    (message,) = receive(sqs, raw, MessageAttributeNames=["All"])
    assert message["Body"] == "for both" and message["MessageAttributes"]["kind"]["StringValue"] == "photo", message
    structured = json.dumps({"default": "d", "sqs": "own"})
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "1", "Message": structured, "MessageStructure": "json"}, {"Id": "2", "Message": "x", "MessageStructure": "json"}])
    assert [e["Id"] for e in answer["Successful"]] == ["1"] and [e["Id"] for e in answer["Failed"]] == ["2"], answer
    assert json.loads(receive(sqs, plain)[0]["Body"])["Message"] == "own"


class Endpoint(http.server.BaseHTTPRequestHandler):
    """An HTTP subscriber that fails the first time, and keeps what it is sent."""

    seen, failures = [], 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if Endpoint.failures:
            Endpoint.failures -= 1
            self.send_response(503)
        else:
            Endpoint.seen.append((self.headers["x-amz-sns-message-type"], json.loads(body)))
            self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_sns_to_http_with_confirmation_and_retry():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sns = client("sns")
    topic = sns.create_topic(Name=name("topic"))["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{server.server_port}/")
    assert answer["SubscriptionArn"] == "pending confirmation", answer
    (kind, question), *_ = until(lambda: Endpoint.seen)
    assert kind == "SubscriptionConfirmation", question
    assert b"SubscriptionArn" in urllib.request.urlopen(question["SubscribeURL"]).read()
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["SubscriptionArn"].startswith(topic), subscription
    sns.publish(TopicArn=topic, Message="hello")
    kind, notification = until(lambda: Endpoint.seen[1:])[0]
    assert (kind, notification["Message"]) == ("Notification", "hello")
    server.shutdown()


def test_sns_fifo_topics():
    sns, sqs = client("sns"), client("sqs")
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    topic = sns.create_topic(Name=name("topic") + ".fifo", Attributes=attributes, Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["FifoTopic"], shown["ContentBasedDeduplication"], shown["FifoThroughputScope"]) == ("true", "true", "Topic"), shown
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "a", "Value": "1"}]
    queues = []
    for raw in ("true", "false"):
        url = sqs.create_queue(QueueName=name("q") + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": raw})
        queues.append(url)
    first = sns.publish(TopicArn=topic, Message="m1", MessageGroupId="g")
    again = sns.publish(TopicArn=topic, Message="m1", MessageGroupId="g")
    assert [again[member] for member in ("MessageId", "SequenceNumber")] == [first[member] for member in ("MessageId", "SequenceNumber")]
    entries = [{"Id": f"e{n}", "Message": f"m{n}", "MessageGroupId": "g", "MessageDeduplicationId": f"d{n}"} for n in range(2, 10)]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    numbers = [first["SequenceNumber"], *(entry["SequenceNumber"] for entry in answer["Successful"])]
    assert len(numbers) == 9 and numbers == sorted(set(numbers)) and {len(number) for number in numbers} == {20}, numbers
    for url, text in zip(queues, (lambda body: body, lambda body: json.loads(body)["Message"])):
        messages = []
        def more():
            for message in receive(sqs, url, AttributeNames=["All"], MaxNumberOfMessages=10):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                messages.append(message)
            return len(messages) >= 9
        until(more)
        assert [text(message["Body"]) for message in messages] == [f"m{n}" for n in range(1, 10)], messages
        assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"g"}
        assert [message["Attributes"]["MessageDeduplicationId"] for message in messages[1:]] == [f"d{n}" for n in range(2, 10)]
    refused("InvalidParameter", sns.publish, TopicArn=topic, Message="m")
    refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@example.org")


def test_sns_faults_and_topics():
    sns = client("sns")
    topic = sns.create_topic(Name=name("topic"), Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    refused("NotFound", sns.publish, TopicArn=topic + "x", Message="m")
    refused("InvalidParameter", sns.publish, TopicArn=topic, Message="m", Subject="a\nb")
    refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="pigeon", Endpoint="x")
    refused("InvalidParameter", sns.create_topic, Name="a b")
    for fifo in [{"Name": name() + ".fifo"}, {"Name": name(), "Attributes": {"FifoTopic": "true"}}]:
        refused("InvalidParameter", sns.create_topic, **fifo)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Shown")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Shown"
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "a", "Value": "1"}]
    arns = [t["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for t in page["Topics"]]
    assert topic in arns
    sns.delete_topic(TopicArn=topic)
    refused("NotFound", sns.get_topic_attributes, TopicArn=topic)


# EventBridge


def test_events_a_rule_sends_what_matches():
    events, (sqs, url, arn) = client("events"), queue()
    rule, source = name("rule"), name("source")
    pattern = {"source": [source], "detail": {"n": [{"numeric": [">", 1]}]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    transformer = {"InputPathsMap": {"n": "$.detail.n", "who": "$.detail.who"}, "InputTemplate": '{"n": <n>, "text": "by <who>"}'}
    targets = [{"Id": "1", "Arn": arn}, {"Id": "2", "Arn": arn, "InputTransformer": transformer}]
    assert events.put_targets(Rule=rule, Targets=targets)["FailedEntryCount"] == 0
    put = lambda n: {"Source": source, "DetailType": "t", "Detail": json.dumps({"n": n, "who": "me"})}
    answer = events.put_events(Entries=[put(1), put(2)])
    assert answer["FailedEntryCount"] == 0 and len({entry["EventId"] for entry in answer["Entries"]}) == 2, answer
    bodies = []
    until(lambda: bodies.extend(json.loads(m["Body"]) for m in receive(sqs, url, MaxNumberOfMessages=10)) or len(bodies) >= 2)
    whole = next(body for body in bodies if "detail" in body)
    assert len(bodies) == 2 and whole["detail-type"] == "t" and whole["detail"]["n"] == 2, bodies
    assert {"n": 2, "text": "by me"} in bodies, bodies
    assert [t["Id"] for t in events.list_targets_by_rule(Rule=rule)["Targets"]] == ["1", "2"]
    refused("ValidationException", events.delete_rule, Name=rule)
    events.remove_targets(Rule=rule, Ids=["1", "2"])
    events.disable_rule(Name=rule)
    assert events.describe_rule(Name=rule)["State"] == "DISABLED"
    events.delete_rule(Name=rule)
    refused("ResourceNotFoundException", events.describe_rule, Name=rule)


def test_events_templates_take_quotes():
    events, (sqs, url, arn) = client("events"), queue()
    rule, source = name("rule"), name("source")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    transformer = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": '{"text": "by <who>"}'}
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn, "InputTransformer": transformer}])
    events.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": json.dumps({"who": 'a "b"'})}])
    assert json.loads(receive(sqs, url)[0]["Body"]) == {"text": 'by a "b"'}
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)


def test_events_faults_and_patterns():
    events = client("events")
    refused("InvalidEventPatternException", events.put_rule, Name=name(), EventPattern='{"a": 1}')
    refused("ValidationException", events.put_rule, Name=name(), ScheduleExpression="rate(1 minute)")
    answer = events.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "no"}])
    assert answer["FailedEntryCount"] == 1 and answer["Entries"][0]["ErrorCode"] == "MalformedDetail", answer
    event = {"id": "i", "account": "a", "source": "s", "time": "t", "region": "r", "resources": [], "detail-type": "d"}
    match = lambda pattern: events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]
    assert match({"source": ["s"]}) and not match({"source": [{"anything-but": "s"}]})
    bus = name("bus")
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    events.put_rule(Name="r", EventBusName=bus, EventPattern='{"source": ["s"]}', Tags=[{"Key": "k", "Value": "v"}])
    assert [r["Name"] for r in events.list_rules(EventBusName=arn)["Rules"]] == ["r"]
    refused("ValidationException", events.delete_event_bus, Name=bus)


# S3


def bucket():
    s3 = client("s3", s3={"addressing_style": "path"})
    created = name("b")
    s3.create_bucket(Bucket=created)
    return s3, created


def test_s3_objects_come_and_go():
    s3, b = bucket()
    key = "uploads/größe & more/p+1.jpg"
    metadata = {"owner": "me"}
    put = s3.put_object(Bucket=b, Key=key, Body=b"0123456789", ContentType="image/jpeg", Metadata=metadata, CacheControl="no-store")
    got = s3.get_object(Bucket=b, Key=key, ChecksumMode="ENABLED")
    assert got["Body"].read() == b"0123456789" and got["ETag"] == put["ETag"] == '"781e5e245d69b566979b86e28d23f2c7"'
    assert (got["ContentType"], got["Metadata"], got["CacheControl"]) == ("image/jpeg", metadata, "no-store"), got
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"], (got, put)
    part = s3.get_object(Bucket=b, Key=key, Range="bytes=2-4")
    assert part["Body"].read() == b"234" and part["ContentRange"] == "bytes 2-4/10", part
    refused("InvalidRange", s3.get_object, Bucket=b, Key=key, Range="bytes=10-")
    refused("304", s3.get_object, Bucket=b, Key=key, IfNoneMatch=put["ETag"])
    refused("PreconditionFailed", s3.put_object, Bucket=b, Key=key, Body=b"x", IfNoneMatch="*")
    refused("PreconditionFailed", s3.get_object, Bucket=b, Key=key, IfMatch='"other"')
    s3.copy_object(Bucket=b, Key="copy", CopySource={"Bucket": b, "Key": key})
    copy = s3.head_object(Bucket=b, Key="copy")
    assert (copy["ContentLength"], copy["Metadata"], copy["ETag"]) == (10, metadata, put["ETag"]), copy
    refused("NoSuchKey", s3.get_object, Bucket=b, Key="missing")
    refused("404", s3.head_object, Bucket=b, Key="uploads")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=b)
    s3.put_object_tagging(Bucket=b, Key="copy", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    assert s3.get_object_tagging(Bucket=b, Key="copy")["TagSet"] == [{"Key": "a", "Value": "1"}]
    answer = s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": key}, {"Key": "copy"}, {"Key": "missing"}]})
    assert len(answer["Deleted"]) == 3, answer
    s3.delete_bucket(Bucket=b)
    refused("404", s3.head_bucket, Bucket=b)


def test_s3_lists():
    s3, b = bucket()
    keys = ["a", "b/1", "b/2", "b-c", "c/d/e", "z"]
    for key in keys:
        s3.put_object(Bucket=b, Key=key, Body=key.encode())
    listed = s3.list_objects_v2(Bucket=b)
    assert [o["Key"] for o in listed["Contents"]] == sorted(keys) and listed["KeyCount"] == 6, listed
    listed = s3.list_objects_v2(Bucket=b, Delimiter="/")
    assert [o["Key"] for o in listed["Contents"]] == ["a", "b-c", "z"], listed
    assert [p["Prefix"] for p in listed["CommonPrefixes"]] == ["b/", "c/"], listed
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=b, Delimiter="/", PaginationConfig={"PageSize": 2})
    names = [[o["Key"] for o in p.get("Contents", [])] + [o["Prefix"] for o in p.get("CommonPrefixes", [])] for p in pages]
    assert sorted(sum(names, [])) == ["a", "b-c", "b/", "c/", "z"], names
    pages = s3.get_paginator("list_objects").paginate(Bucket=b, Prefix="b", PaginationConfig={"PageSize": 1})
    assert [o["Key"] for p in pages for o in p["Contents"]] == ["b-c", "b/1", "b/2"]
    assert b in [found["Name"] for found in s3.list_buckets()["Buckets"]]


def test_s3_multipart():
    s3, b = bucket()
    parts = [os.urandom(5 * 1024 * 1024), b"the end"]
    upload = s3.create_multipart_upload(Bucket=b, Key="large", ContentType="image/tiff")["UploadId"]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=b)["Uploads"]] == [upload]
    etags = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=b, Key="large", UploadId=upload, PartNumber=n, Body=part)["ETag"]}
             for n, part in enumerate(parts, 1)]
    assert len(s3.list_parts(Bucket=b, Key="large", UploadId=upload)["Parts"]) == 2
    refused("InvalidPart", s3.complete_multipart_upload, Bucket=b, Key="large", UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]})
    done = s3.complete_multipart_upload(Bucket=b, Key="large", UploadId=upload, MultipartUpload={"Parts": etags})
    assert done["ETag"].endswith('-2"'), done
    got = s3.get_object(Bucket=b, Key="large")
    assert got["Body"].read() == b"".join(parts) and got["ContentType"] == "image/tiff"
    refused("NoSuchUpload", s3.abort_multipart_upload, Bucket=b, Key="large", UploadId=upload)


def test_s3_presigned_urls():
    s3, b = bucket()
    put = s3.generate_presigned_url("put_object", Params={"Bucket": b, "Key": "k/1"})
    urllib.request.urlopen(urllib.request.Request(put, data=b"signed", method="PUT"))
    get = s3.generate_presigned_url("get_object", Params={"Bucket": b, "Key": "k/1", "ResponseContentType": "text/css"})
    answer = urllib.request.urlopen(get)
    assert answer.read() == b"signed" and answer.headers["content-type"] == "text/css"


def test_s3_settings_that_are_not_there():
    s3, b = bucket()
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=b)
    refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=b)
    assert "Status" not in s3.get_bucket_versioning(Bucket=b)
    refused("NotImplemented", s3.put_bucket_versioning, Bucket=b, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=b, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    assert s3.get_bucket_tagging(Bucket=b)["TagSet"] == [{"Key": "a", "Value": "1"}]
    refused("InvalidBucketName", s3.create_bucket, Bucket="b..b")


def test_s3_tells_eventbridge():
    (s3, b), (sqs, url, arn), events = bucket(), queue(), client("events")
    rule = name("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [b]}}}))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    s3.put_object(Bucket=b, Key="uploads/u 1/p.jpg", Body=b"1")
    event = json.loads(receive(sqs, url)[0]["Body"])
    assert event["detail"]["object"]["key"] == "uploads/u 1/p.jpg" and event["detail"]["reason"] == "PutObject", event
    events.remove_targets(Rule=rule, Ids=["q"])
    events.delete_rule(Name=rule)


def test_s3_by_the_cli():
    aws = shutil.which("aws")
    if not aws:
        print("SKIPPED: the AWS CLI is not installed, so test_s3_by_the_cli tried nothing", file=sys.stderr)
        return
    environment = dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1", AWS_ENDPOINT_URL=ENDPOINT)
    run = lambda *arguments: subprocess.run([aws, *arguments], env=environment, check=True, capture_output=True, text=True, timeout=120).stdout
    b = name("b")
    run("s3", "mb", f"s3://{b}")
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/in/sub")
        large = os.urandom(20 * 1024 * 1024)
        for path, content in [("in/large.bin", large), ("in/sub/a.txt", b"a"), ("in/b.txt", b"b")]:
            with open(f"{folder}/{path}", "wb") as file:
                file.write(content)
        run("s3", "cp", f"{folder}/in/large.bin", f"s3://{b}/large.bin")
        run("s3", "sync", f"{folder}/in", f"s3://{b}/in")
        assert run("s3", "sync", f"{folder}/in", f"s3://{b}/in") == "", "what is there is not sent again"
        assert "sub/" in run("s3", "ls", f"s3://{b}/in/")
        run("s3", "sync", f"s3://{b}/in", f"{folder}/out")
        with open(f"{folder}/out/large.bin", "rb") as file:
            assert file.read() == large
        run("s3", "mv", f"s3://{b}/in/b.txt", f"s3://{b}/moved.txt")
        run("s3", "rm", "--recursive", f"s3://{b}")
        assert run("s3", "ls", f"s3://{b}") == ""
    run("s3", "rb", f"s3://{b}")


# DynamoDB


def test_dynamodb_items():
    dynamodb, table = client("dynamodb"), name("table")
    dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    dynamodb.get_waiter("table_exists").wait(TableName=table)
    key = {"id": {"S": "1"}}
    dynamodb.put_item(TableName=table, Item={**key, "n": {"N": "1"}})
    answer = dynamodb.update_item(TableName=table, Key=key, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}}, ReturnValues="ALL_NEW")
    assert answer["Attributes"]["n"] == {"N": "2"}, answer
    refused("ConditionalCheckFailedException", dynamodb.put_item, TableName=table, Item=key, ConditionExpression="attribute_not_exists(id)")
    assert dynamodb.get_item(TableName=table, Key=key)["Item"]["n"] == {"N": "2"}
    assert dynamodb.scan(TableName=table)["Count"] == 1
    refused("ResourceNotFoundException", dynamodb.get_item, TableName=name(), Key=key)
    dynamodb.delete_table(TableName=table)


def test_dynamodb_queries_and_batches():
    dynamodb, table = client("dynamodb"), name("table")
    attributes = [{"AttributeName": key, "AttributeType": "S"} for key in ("user", "image", "status")]
    keys = lambda hash, range: [{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]
    index = {"IndexName": "by-status", "KeySchema": keys("status", "image"), "Projection": {"ProjectionType": "ALL"}}
    dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=keys("user", "image"),
                          AttributeDefinitions=attributes, GlobalSecondaryIndexes=[index])
    dynamodb.get_waiter("table_exists").wait(TableName=table)
    item = lambda n: {"user": {"S": "ann"}, "image": {"S": f"p{n:02}"}, "status": {"S": "odd" if n % 2 else "even"}, "n": {"N": str(n)}}
    puts = [{"PutRequest": {"Item": item(n)}} for n in range(20)]
    assert dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    values = {":u": {"S": "ann"}, ":p": {"S": "p1"}}
    query = dict(TableName=table, KeyConditionExpression="#u = :u AND begins_with(image, :p)",
                 ExpressionAttributeNames={"#u": "user"}, ExpressionAttributeValues=values)
    pages = list(dynamodb.get_paginator("query").paginate(**query, PaginationConfig={"PageSize": 4}))
    found = [i["image"]["S"] for page in pages for i in page["Items"]]
    assert found == [f"p{n}" for n in range(10, 20)] and len(pages) >= 3, (found, len(pages))
    by_status = dynamodb.query(TableName=table, IndexName="by-status", KeyConditionExpression="#s = :s", FilterExpression="n > :n",
                               ExpressionAttributeNames={"#s": "status"}, ScanIndexForward=False,
                               ExpressionAttributeValues={":s": {"S": "odd"}, ":n": {"N": "9"}})
    assert [i["n"]["N"] for i in by_status["Items"]] == ["19", "17", "15", "13", "11"] and by_status["ScannedCount"] == 10, by_status
    wanted = {table: {"Keys": [{"user": {"S": "ann"}, "image": {"S": image}} for image in ("p03", "none")]}}
    assert dynamodb.batch_get_item(RequestItems=wanted)["Responses"][table] == [item(3)]
    key = {"user": {"S": "ann"}, "image": {"S": "p00"}}
    updated = dynamodb.update_item(
        TableName=table, Key=key, ReturnValues="ALL_NEW", UpdateExpression="SET #l = list_append(if_not_exists(#l, :none), :one) REMOVE n",
        ExpressionAttributeNames={"#l": "list"}, ExpressionAttributeValues={":none": {"L": []}, ":one": {"L": [{"M": {"a": {"BOOL": True}}}]}})
    assert updated["Attributes"]["list"] == {"L": [{"M": {"a": {"BOOL": True}}}]} and "n" not in updated["Attributes"], updated
    both = [{"Put": {"TableName": table, "Item": item(30)}},
            {"ConditionCheck": {"TableName": table, "Key": key, "ConditionExpression": "attribute_exists(n)"}}]
    error = refused("TransactionCanceledException", dynamodb.transact_write_items, TransactItems=both)
    assert [reason["Code"] for reason in error["CancellationReasons"]] == ["None", "ConditionalCheckFailed"], error
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"user": {"S": "ann"}, "image": {"S": "p30"}})
    refused("ValidationException", dynamodb.update_item, TableName=table, Key=key, UpdateExpression="SET")
    dynamodb.delete_table(TableName=table)


# Lambda


def test_lambda_invoke():
    functions = client("lambda")
    assert "echo" in [f["FunctionName"] for f in functions.list_functions()["Functions"]]
    assert functions.get_function(FunctionName="echo")["Concurrency"]["ReservedConcurrentExecutions"] >= 1
    answer = functions.invoke(FunctionName="echo", Payload=b'{"a": 1.0}', LogType="Tail")
    assert answer["Payload"].read() == b'{"a": 1.0}' and answer["StatusCode"] == 200 and "LogResult" in answer, answer
    assert functions.invoke(FunctionName="echo", Payload=b"{}", InvocationType="Event")["StatusCode"] == 202
    refused("ResourceNotFoundException", functions.invoke, FunctionName="missing")
    refused("InvalidRequestContentException", functions.invoke, FunctionName="echo", Payload=b"{")


def load_tests(loader, tests, pattern):
    cases = [case for key, case in globals().items() if key.startswith("test_")]
    return unittest.TestSuite(unittest.FunctionTestCase(case) for case in cases)
