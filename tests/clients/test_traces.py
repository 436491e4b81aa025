"""Traces as X-Ray's own SDK and a collector of OpenTelemetry's get them."""
import contextlib
import http.server
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import boto3

from server import Server

BINARY = os.environ["DARKROOM_BINARY"]
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
ROLE = "arn:aws:iam::000000000000:role/r"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:darkroom-validation"
PATIENCE_SECONDS = 30

# Calls a function that cannot do what it is asked to, and goes on.
MACHINE = json.dumps({"StartAt": "Call", "States": {
    "Call": {"Type": "Task", "Resource": FUNCTION, "Next": "Done",
             "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]},
    "Done": {"Type": "Pass", "End": True},
}})

# The specification's script, "X-Ray Tracing", with the imports that it lacks.
SCRIPT = '''
import json
import os
import boto3
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core import patch_all

patch_all()

@xray_recorder.capture('step_functions_execution')
def execute_state_machine(input_data):
    """Execute Step Functions state machine with X-Ray tracing"""
    sfn_client = boto3.client('stepfunctions')
    
    try:
        response = sfn_client.start_execution(
            stateMachineArn=os.environ['STEP_FUNCTIONS_ARN'],
            name=f"image-processing-{input_data['imageId']}",
            input=json.dumps(input_data)
        )
        
        return response['executionArn']
        
    except Exception as e:
        xray_recorder.current_segment().add_error(e)
        raise
'''

# Calls it in a segment, as a program that traces does, and tells where.
CALL = '''
with xray_recorder.in_segment('uploader') as segment:
    print(segment.trace_id, execute_state_machine({'imageId': 'traced'}))
'''


def until(check):
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := check()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
    return found


def client(server, service):
    return boto3.client(service, endpoint_url=server.endpoint, **KEYS)


def create(server, name, **more):
    sfn = client(server, "stepfunctions")
    return sfn.create_state_machine(name=name, definition=MACHINE, roleArn=ROLE, **more)["stateMachineArn"]


@contextlib.contextmanager
def serving(*options, **more):
    with tempfile.TemporaryDirectory() as data:
        server = Server(BINARY, data, *options, **more)
        try:
            yield server
        finally:
            server.stop()


def documents(server, trace_id):
    """A trace's documents, by their names."""
    answer = client(server, "xray").batch_get_traces(TraceIds=[trace_id])
    found = [json.loads(segment["Document"]) for trace in answer["Traces"] for segment in trace["Segments"]]
    return {document["name"]: document for document in found}


def parts(document):
    """All that lies in a document, by names."""
    found = {}
    for part in document.get("subsegments", []):
        found[part["name"]] = part
        found.update(parts(part))
    return found


class Traces(unittest.TestCase):
    def test_an_execution_that_an_event_starts_is_in_the_event_s_trace(self):
        with serving() as server:
            events, sfn = client(server, "events"), client(server, "stepfunctions")
            machine = create(server, "started")
            events.put_rule(Name="starts", EventPattern=json.dumps({"source": ["orders"]}))
            events.put_targets(Rule="starts", Targets=[{"Id": "1", "Arn": machine, "RoleArn": ROLE}])
            trace_id, parent = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
            header = f"Root={trace_id};Parent={parent};Sampled=1"
            entry = {"Source": "orders", "DetailType": "placed", "Detail": "{}", "TraceHeader": header}
            self.assertEqual(events.put_events(Entries=[entry])["FailedEntryCount"], 0)
            found = until(lambda: documents(server, trace_id) if "started" in documents(server, trace_id) else None)
            self.assertEqual(found["started"]["parent_id"], parent)

    def test_a_trace_goes_on_through_messages_and_calls_that_nobody_waits_for(self):
        with serving() as server:
            sqs, sns, sfn = (client(server, service) for service in ("sqs", "sns", "stepfunctions"))
            url = sqs.create_queue(QueueName="told")["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            topic = sns.create_topic(Name="tells")["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

            def task(resource, parameters, **after):
                resource = f"arn:aws:states:::{resource}"
                return {"Type": "Task", "Resource": resource, "Parameters": parameters, "ResultPath": None, **after}

            definition = json.dumps({"StartAt": "Send", "States": {
                "Send": task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": "Send"}, Next="Publish"),
                "Publish": task("sns:publish", {"TopicArn": topic, "Message": "Publish"}, Next="Invoke"),
                "Invoke": task("lambda:invoke", {"FunctionName": FUNCTION, "InvocationType": "Event", "Payload": {}}, End=True),
            }})
            machine = sfn.create_state_machine(
                name="telling", definition=definition, roleArn=ROLE, tracingConfiguration={"enabled": True})["stateMachineArn"]
            execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
            header = sfn.describe_execution(executionArn=execution)["traceHeader"]
            trace_id = header.split(";")[0].removeprefix("Root=")

            def whole():
                found = documents(server, trace_id)
                is_whole = {"telling", "darkroom-validation"} <= found.keys()
                return found if is_whole and "end_time" in found["telling"] else None

            found = until(whole)
            attempts = {part["name"]: part["subsegments"][0]["id"] for part in found["telling"]["subsegments"]}
            self.assertEqual(found["darkroom-validation"]["parent_id"], attempts["Invoke"])
            heard = {}

            def both():
                received = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["AWSTraceHeader"], WaitTimeSeconds=5)
                for message in received.get("Messages", []):
                    heard[message["Body"]] = message["Attributes"]["AWSTraceHeader"]
                return len(heard) == 2

            until(both)
            for state in ("Send", "Publish"):
                self.assertEqual(heard[state], f"Root={trace_id};Parent={attempts[state]};Sampled=1")

    def test_the_specification_s_snippet_and_its_execution_are_one_trace(self):
        if not importlib.util.find_spec("aws_xray_sdk"):
            print("!! SKIPPED: the X-Ray snippet is not tried, since there is no aws-xray-sdk here", file=sys.stderr)
            self.skipTest("there is no aws-xray-sdk here")
        with serving("--xray-daemon", "127.0.0.1:0") as server:
            daemon = server.said("x-ray daemon at ")
            environment = {
                **os.environ, "AWS_XRAY_DAEMON_ADDRESS": daemon, "AWS_ENDPOINT_URL": server.endpoint,
                "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
                "STEP_FUNCTIONS_ARN": create(server, "images"),
            }
            ran = subprocess.run([sys.executable, "-c", SCRIPT + CALL], env=environment, capture_output=True, text=True,
                                 timeout=PATIENCE_SECONDS)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            trace_id, execution = ran.stdout.split()

            def whole():
                found = documents(server, trace_id)
                is_whole = {"uploader", "images", "darkroom-validation"} <= found.keys()
                return found if is_whole and "end_time" in found["images"] else None

            found = until(whole)
            captured = parts(found["uploader"])
            call = next(part for name, part in captured.items() if name not in ("step_functions_execution",))
            self.assertIn("step_functions_execution", captured)
            machine = found["images"]
            self.assertEqual(machine["parent_id"], call["id"], captured)
            self.assertEqual(machine["aws"]["execution_arn"], execution)
            self.assertEqual(machine["origin"], "AWS::StepFunctions::StateMachine")
            inside = parts(machine)
            self.assertEqual(set(inside), {"Call", "Lambda", "Done"})
            self.assertTrue(inside["Call"]["error"] and inside["Lambda"]["fault"])
            self.assertEqual(found["darkroom-validation"]["parent_id"], inside["Lambda"]["id"])
            self.assertTrue(found["darkroom-validation"]["fault"])
            header = client(server, "stepfunctions").describe_execution(executionArn=execution)["traceHeader"]
            self.assertEqual(header, f"Root={trace_id};Parent={call['id']};Sampled=1")

            now = time.time()
            xray = client(server, "xray")
            pages = xray.get_paginator("get_trace_summaries").paginate(
                StartTime=now - 600, EndTime=now + 600, FilterExpression='service("uploader") AND fault')
            [summary] = [summary for page in pages for summary in page["TraceSummaries"]]
            self.assertEqual((summary["Id"], summary["EntryPoint"]["Name"]), (trace_id, "uploader"))
            graph = xray.get_trace_graph(TraceIds=[trace_id])["Services"]
            called = {service["Name"]: [edge["ReferenceId"] for edge in service["Edges"]] for service in graph}
            ids = {service["Name"]: service["ReferenceId"] for service in graph}
            self.assertEqual(called["uploader"], [ids["images"]])
            self.assertEqual(called["images"], [ids["darkroom-validation"]])

    def test_the_sdk_s_calls_for_rules_are_answered_over_the_daemon_s_port(self):
        from botocore import UNSIGNED
        from botocore.config import Config

        with serving("--xray-daemon", "127.0.0.1:0") as server:
            url = f"http://{server.said('x-ray daemon at ')}"
            xray = boto3.client("xray", endpoint_url=url, config=Config(signature_version=UNSIGNED), **KEYS)
            [record] = xray.get_sampling_rules()["SamplingRuleRecords"]
            self.assertEqual((record["SamplingRule"]["RuleName"], record["SamplingRule"]["FixedRate"]), ("Default", 1.0))
            statistics = {"RuleName": "Default", "ClientID": "0" * 24, "Timestamp": time.time(), "RequestCount": 1,
                          "SampledCount": 1}
            targets = xray.get_sampling_targets(SamplingStatisticsDocuments=[statistics])
            self.assertEqual(targets["SamplingTargetDocuments"][0]["ReservoirQuota"], 1)

    def test_a_state_machine_that_traces_is_a_trace_and_one_that_does_not_is_none(self):
        with serving("--xray-daemon", "off") as server:
            sfn = client(server, "stepfunctions")
            for kind in ("STANDARD", "EXPRESS"):
                for enabled in (False, True):
                    name = f"{kind}-{enabled}".lower()
                    machine = create(server, name, type=kind, tracingConfiguration={"enabled": enabled})
                    sfn.start_execution(stateMachineArn=machine)

            def traced():
                now = time.time()
                answer = client(server, "xray").get_trace_summaries(StartTime=now - 60, EndTime=now + 60)
                ended = [it for it in answer["TraceSummaries"] if not it["IsPartial"] and len(it["ServiceIds"]) == 2]
                return ended if len(ended) == 2 else None

            found = until(traced)
            self.assertEqual({summary["EntryPoint"]["Name"] for summary in found}, {"standard-true", "express-true"})

    def test_a_daemon_s_port_that_is_taken_is_said_and_the_server_serves(self):
        with serving("--xray-daemon", "127.0.0.1:0") as first:
            taken = first.said("x-ray daemon at ")
            with serving("--xray-daemon", taken) as second:
                self.assertIn(f"{taken} cannot be listened on", second.said("no x-ray daemon: "))
                client(second, "stepfunctions").list_state_machines()


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes what is posted; the first time it says that it cannot just now."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        status = 503 if self.server.asked == 1 else 200
        if status == 200:
            self.server.taken.append((self.path, self.headers, json.loads(body)))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class OpenTelemetry(unittest.TestCase):
    def setUp(self):
        self.collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
        self.collector.asked, self.collector.taken = 0, []
        threading.Thread(target=self.collector.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.collector.server_port}"

    def tearDown(self):
        self.collector.shutdown()
        self.collector.server_close()

    def spans(self):
        bodies = [body for _, _, body in self.collector.taken]
        return [span for body in bodies for spans in body["resourceSpans"][0]["scopeSpans"] for span in spans["spans"]]

    def test_what_has_ended_is_exported(self):
        headers = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=k, x-other=o"}
        with serving("--xray-daemon", "off", environment=headers) as server:
            sfn = client(server, "stepfunctions")
            traced = create(server, "traced", tracingConfiguration={"enabled": True})
            execution = sfn.start_execution(stateMachineArn=traced)["executionArn"]
            spans = until(lambda: {it["name"]: it for it in self.spans()} if len(self.spans()) == 5 else None)
            self.assertEqual(set(spans), {"traced", "Call", "Lambda", "Done", "darkroom-validation"})
            root = sfn.describe_execution(executionArn=execution)["traceHeader"].split(";")[0]
            for span in spans.values():
                self.assertEqual(span["traceId"], root.removeprefix("Root=1-").replace("-", ""))
                self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
            for child, parent in [("Call", "traced"), ("Lambda", "Call"), ("Done", "traced"), ("darkroom-validation", "Lambda")]:
                self.assertEqual(spans[child]["parentSpanId"], spans[parent]["spanId"])
            self.assertEqual(spans["Lambda"]["status"]["code"], 2)
            self.assertNotIn("parentSpanId", spans["traced"])
            path, sent, _ = self.collector.taken[0]
            self.assertEqual((path, sent["Content-Type"], sent["x-key"], sent["x-other"]),
                             ("/v1/traces", "application/json", "k", "o"))

            # What nobody traces is exported, too, and what a caller left out is not.
            self.collector.taken.clear()
            quiet = create(server, "quiet")
            left_out = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"
            sfn.start_execution(stateMachineArn=quiet, traceHeader=left_out)
            sfn.start_execution(stateMachineArn=create(server, "express", type="EXPRESS"))
            sfn.start_execution(stateMachineArn=quiet)
            until(lambda: {"quiet", "express"} <= {it["name"] for it in self.spans()})
        self.assertEqual([it["name"] for it in self.spans()].count("quiet"), 1)
        self.assertNotIn("5759e988bd862e3fe1be46a994272793", [it["traceId"] for it in self.spans()])
