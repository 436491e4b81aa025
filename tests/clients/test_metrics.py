"""Metrics and alarms through the clients that people use, and Prometheus' text through its own parser."""
import contextlib
import datetime as datetime_module
import json
import os
import shutil
import subprocess
import sys
import time
import unittest
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["DARKROOM_ENDPOINT"]
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
ROLE = "arn:aws:iam::000000000000:role/r"
PATIENCE_SECONDS = 30


def client(service, protocol=None):
    """A client, which speaks this protocol where it would rather speak another."""
    made = boto3.Session(**KEYS)
    config = Config(retries={"max_attempts": 0})
    if protocol is None:
        return made.client(service, endpoint_url=ENDPOINT, config=config)
    core = botocore.session.Session()
    core.set_credentials("test", "test")
    loader = core.get_component("data_loader")
    model = loader.load_service_model(service, "service-2")
    model["metadata"]["protocols"] = [protocol]
    model["metadata"]["protocol"] = protocol
    return core.create_client(service, "us-east-1", endpoint_url=ENDPOINT, config=config)


def name(prefix="t"):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def until(check):
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := check()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return found


# The specification's script, "CloudWatch Metrics", with the import that it lacks.
SCRIPT = '''
import os
import boto3
from datetime import datetime, timedelta

def get_step_functions_metrics():
    """Get Step Functions metrics from CloudWatch"""
    cloudwatch = boto3.client('cloudwatch')
    
    metrics = [
        'ExecutionsStarted',
        'ExecutionsSucceeded',
        'ExecutionsFailed',
        'ExecutionsAborted',
        'ExecutionThrottled',
        'ExecutionsTimedOut'
    ]
    
    for metric in metrics:
        response = cloudwatch.get_metric_statistics(
            Namespace='AWS/States',
            MetricName=metric,
            Dimensions=[
                {
                    'Name': 'StateMachineArn',
                    'Value': os.environ['STEP_FUNCTIONS_ARN']
                }
            ],
            StartTime=datetime.utcnow() - timedelta(hours=1),
            EndTime=datetime.utcnow(),
            Period=300,
            Statistics=['Sum', 'Average', 'Maximum']
        )
        print(f"{metric}: {response['Datapoints']}")

get_step_functions_metrics()
'''


def script_counts(arn):
    """What the specification's script prints of a state machine: the sum of each metric."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL": ENDPOINT, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "STEP_FUNCTIONS_ARN": arn, "PYTHONWARNINGS": "ignore",
    }
    ran = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    counts = {}
    for line in ran.stdout.splitlines():
        metric, _, points = line.partition(": ")
        utc = lambda: timezone.utc
        points = eval(points, {"datetime": datetime_module, "tzutc": utc, "tzlocal": utc})
        counts[metric] = sum(point["Sum"] for point in points)
        for point in points:
            assert point["Average"] == point["Maximum"] == 1.0 and point["Unit"] == "Count", point
    return counts


def statistics(metric, **dimensions):
    """What AWS/States says of a metric with these dimensions in the last hour: nothing is zeros without a unit."""
    now = datetime.now(timezone.utc)
    points = client("cloudwatch").get_metric_statistics(
        Namespace="AWS/States", MetricName=metric, Period=86_400,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(minutes=1),
        Statistics=["Sum", "SampleCount", "Maximum"],
    )["Datapoints"]
    if not points:
        return {"Sum": 0.0, "SampleCount": 0.0, "Maximum": 0.0, "Unit": None}
    total = {name: sum(point[name] for point in points) for name in ["Sum", "SampleCount"]}
    return total | {"Maximum": max(point["Maximum"] for point in points), "Unit": points[0]["Unit"]}


def create_machine(states, **more):
    """A state machine of one Pass state."""
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    return states.create_state_machine(**({"name": name("metrics"), "definition": definition, "roleArn": ROLE} | more))


class Families(unittest.TestCase):
    """Metrics that a state machine has for more than its executions alone."""

    def test_an_execution_counts_for_the_version_and_the_alias_that_it_was_started_through(self):
        states = client("stepfunctions")
        created = create_machine(states, publish=True)
        machine, version = created["stateMachineArn"], created["stateMachineVersionArn"]
        alias = states.create_state_machine_alias(
            name="live", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}]
        )["stateMachineAliasArn"]
        for arn in [machine, version, alias, alias]:
            states.start_execution(stateMachineArn=arn)
        account = statistics("ExecutionsSucceeded")["Sum"]
        until(lambda: statistics("ExecutionsSucceeded", StateMachineArn=machine)["Sum"] == 4)
        self.assertGreaterEqual(statistics("ExecutionsSucceeded")["Sum"], max(account, 4))
        for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionTime"]:
            count = lambda **more: statistics(metric, StateMachineArn=machine, **more)["SampleCount"]
            self.assertEqual((count(), count(Version="1"), count(Alias="live")), (4, 3, 2), metric)
        listed = client("cloudwatch").list_metrics(
            Namespace="AWS/States", MetricName="ExecutionTime",
            Dimensions=[{"Name": "StateMachineArn", "Value": machine}],
        )["Metrics"]
        names = sorted(sorted(it["Name"] for it in metric["Dimensions"]) for metric in listed)
        self.assertEqual(names, [["Alias", "StateMachineArn"], ["StateMachineArn"], ["StateMachineArn", "Version"]])

    def test_an_express_execution_is_billed_as_its_caller_is_told(self):
        config = Config(retries={"max_attempts": 0}, inject_host_prefix=False)
        states = boto3.Session(**KEYS).client("stepfunctions", endpoint_url=ENDPOINT, config=config)
        machine = create_machine(states, type="EXPRESS")["stateMachineArn"]
        bills = [states.start_sync_execution(stateMachineArn=machine)["billingDetails"] for _ in range(2)]
        told = lambda metric: statistics(metric, StateMachineArn=machine)
        until(lambda: told("ExpressExecutionMemory")["SampleCount"] == 2)
        self.assertEqual(told("ExecutionsStarted")["Sum"], 2)
        self.assertEqual(told("ExecutionTime")["SampleCount"], 2)
        duration = told("ExpressExecutionBilledDuration")
        self.assertEqual(
            (duration["Sum"], duration["Unit"]),
            (sum(bill["billedDurationInMilliseconds"] for bill in bills), "Milliseconds"))
        memory = told("ExpressExecutionBilledMemory")
        self.assertEqual((memory["Maximum"], memory["Unit"]), (bills[0]["billedMemoryUsedInMB"] * 2**20, "Bytes"))
        self.assertLessEqual(told("ExpressExecutionMemory")["Maximum"], memory["Maximum"])

    def test_what_is_redriven_counts_as_such(self):
        states = client("stepfunctions")
        definition = {"StartAt": "T", "States": {"T": {
            "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:none", "End": True}}}
        machine = create_machine(states, definition=json.dumps(definition))["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=machine)["executionArn"]
        failed = lambda: states.describe_execution(executionArn=execution)["status"] == "FAILED"
        until(failed)
        states.redrive_execution(executionArn=execution)
        until(failed)
        told = lambda metric: statistics(metric, StateMachineArn=machine)
        until(lambda: told("RedrivenExecutionsFailed")["Sum"] == 1)
        self.assertEqual(told("ExecutionsRedriven")["Sum"], 1)
        self.assertEqual(told("ExecutionsFailed")["Sum"], 2)
        waited = told("RedrivenExecutionsTimeToRedrive")
        self.assertEqual((waited["SampleCount"], waited["Unit"]), (1, "Milliseconds"))

    def test_calls_of_the_api_are_counted_by_their_name(self):
        states = client("stepfunctions")
        told = lambda metric: statistics(metric, APIName="ListActivities")["Sum"]
        states.list_activities()
        before = until(lambda: told("ConsumedCapacity"))
        for _ in range(5):
            states.list_activities()
        until(lambda: told("ConsumedCapacity") >= before + 5)
        throttled = statistics("ThrottledEvents", APIName="ListActivities")
        self.assertEqual((throttled["Sum"], throttled["Unit"]), (0, "Count"))
        machine = create_machine(states)["stateMachineArn"]
        states.start_execution(stateMachineArn=machine)
        bucket = until(lambda: statistics("ProvisionedBucketSize", APIName="StartExecution")["Maximum"])
        self.assertEqual(bucket, 8192)


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A state machine, and executions that end in every way."""
        states = client("stepfunctions")
        definition = {
            "StartAt": "How", "TimeoutSeconds": 1, "States": {
                "How": {"Type": "Choice", "Default": "Good", "Choices": [
                    {"Variable": "$.how", "StringEquals": "fail", "Next": "Bad"},
                    {"Variable": "$.how", "StringEquals": "wait", "Next": "Late"},
                ]},
                "Good": {"Type": "Succeed"}, "Bad": {"Type": "Fail", "Error": "Bad"},
                "Late": {"Type": "Wait", "Seconds": 60, "End": True},
            },
        }
        cls.machine = states.create_state_machine(
            name=name("metrics"), definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]
        start = lambda how: states.start_execution(
            stateMachineArn=cls.machine, input=json.dumps({"how": how}))["executionArn"]
        arns = [start(how) for how in ["good"] * 4 + ["fail"] * 3 + ["wait"] * 2]
        stopped = start("wait")
        states.stop_execution(executionArn=stopped)
        ended = lambda arn: states.describe_execution(executionArn=arn)["status"] != "RUNNING"
        for arn in [*arns, stopped]:
            until(lambda: ended(arn))

    def test_the_specifications_script_sees_the_true_counts(self):
        expected = {
            "ExecutionsStarted": 10, "ExecutionsSucceeded": 4, "ExecutionsFailed": 3, "ExecutionsAborted": 1,
            "ExecutionThrottled": 0, "ExecutionsTimedOut": 2,
        }
        with contextlib.suppress(AssertionError):
            until(lambda: script_counts(self.machine) == expected)
        self.assertEqual(script_counts(self.machine), expected)

    def test_a_states_entry_is_a_transition(self):
        transition = {"ServiceMetric": "StateTransition", "StateMachineArn": self.machine}
        until(lambda: statistics("ConsumedCapacity", **transition)["Sum"] == 20)
        self.assertEqual(statistics("ThrottledEvents", **transition)["Sum"], 0)
        self.assertGreaterEqual(statistics("ConsumedCapacity", ServiceMetric="StateTransition")["Sum"], 20)

    def test_a_metric_is_the_same_in_every_protocol(self):
        now = datetime.now(timezone.utc)
        namespace = name("protocols")
        seen = []
        for protocol in ["smithy-rpc-v2-cbor", "json", "query"]:
            cloudwatch = client("cloudwatch", protocol)
            self.assertEqual(cloudwatch.meta.service_model.resolved_protocol, protocol)
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=[
                {"MetricName": "m", "Value": 2.5, "Unit": "Bytes", "Timestamp": now,
                 "Dimensions": [{"Name": "d", "Value": "v&<w>"}]},
            ])
            with self.assertRaises(ClientError) as refused:
                cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="r")
            self.assertEqual(refused.exception.response["Error"]["Code"], "ResourceNotFound")
        for protocol in ["smithy-rpc-v2-cbor", "json", "query"]:
            cloudwatch = client("cloudwatch", protocol)
            point = cloudwatch.get_metric_statistics(
                Namespace=namespace, MetricName="m", Dimensions=[{"Name": "d", "Value": "v&<w>"}],
                StartTime=now - timedelta(minutes=2), EndTime=now + timedelta(minutes=1), Period=3600,
                Statistics=["Sum", "SampleCount", "Average"], ExtendedStatistics=["p50"],
            )["Datapoints"][0]
            listed = cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
            data = cloudwatch.get_metric_data(
                StartTime=now - timedelta(minutes=2), EndTime=now + timedelta(minutes=1), MetricDataQueries=[
                    {"Id": "m1", "ReturnData": False, "MetricStat": {
                        "Metric": listed[0], "Period": 60, "Stat": "Sum"}},
                    {"Id": "e1", "Expression": "m1 * 2"},
                ])["MetricDataResults"][0]
            seen.append((point, listed, data["Id"], data["Values"], data["Timestamps"]))
        self.assertEqual(seen[0][0]["Sum"], 7.5)
        self.assertEqual(seen[0][3], [15.0])
        self.assertEqual(seen[0][0]["ExtendedStatistics"], {"p50": 2.5})
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0], seen[2])

    def test_a_large_call_is_packed_and_understood(self):
        cloudwatch, namespace = client("cloudwatch"), name("large")
        data = [{"MetricName": f"metric-{n}", "Value": n, "Unit": "Count"} for n in range(400)]
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
        paginator = cloudwatch.get_paginator("list_metrics")
        listed = [it for page in paginator.paginate(Namespace=namespace) for it in page["Metrics"]]
        self.assertEqual(len(listed), 400)

    def test_an_alarm_goes_its_way(self):
        cloudwatch, alarm = client("cloudwatch"), name("alarm")
        topic = client("sns").create_topic(Name=name("topic"))["TopicArn"]
        queue = client("sqs").create_queue(QueueName=name("queue"))["QueueUrl"]
        arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        cloudwatch.put_metric_alarm(
            AlarmName=alarm, Namespace="AWS/States", MetricName="ExecutionsFailed", Statistic="Sum", Period=300,
            EvaluationPeriods=2, Threshold=5, ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic],
            Dimensions=[{"Name": "StateMachineArn", "Value": self.machine}], Tags=[{"Key": "k", "Value": "v"}],
        )
        described = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]
        self.assertEqual((described["Threshold"], described["ActionsEnabled"]), (5.0, True))
        tags = cloudwatch.list_tags_for_resource(ResourceARN=described["AlarmArn"])["Tags"]
        self.assertEqual(tags, [{"Key": "k", "Value": "v"}])
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
        receive = lambda: client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages")
        message = json.loads(json.loads(until(receive)[0]["Body"])["Message"])
        self.assertEqual((message["AlarmName"], message["NewStateValue"]), (alarm, "ALARM"))
        history = cloudwatch.describe_alarm_history(AlarmName=alarm, HistoryItemType="StateUpdate")
        # It may have been evaluated since.
        self.assertIn("to ALARM", " ".join(item["HistorySummary"] for item in history["AlarmHistoryItems"]))
        cloudwatch.delete_alarms(AlarmNames=[alarm])
        self.assertEqual(cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"], [])

    def test_the_workflows_alarms_are_there(self):
        alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix="darkroom-")["MetricAlarms"]
        by_name = {alarm["AlarmName"]: alarm for alarm in alarms}
        failures = by_name["darkroom-execution-failures"]
        self.assertEqual((failures["Threshold"], failures["Period"], failures["EvaluationPeriods"]), (5.0, 300, 2))
        self.assertEqual(failures["TreatMissingData"], "notBreaching")
        self.assertTrue(failures["AlarmActions"][0].endswith(":darkroom-notifications"))
        for rest in ["timeouts", "throttled", "aborted"]:
            self.assertIn(f"darkroom-execution-{rest}", by_name)
        self.assertEqual(len(by_name["darkroom-failure-ratio"]["Metrics"]), 4)

    @unittest.skipUnless(shutil.which("aws"), "!! SKIPPED: there is no AWS CLI")
    def test_the_cli_lists_metrics(self):
        environment = os.environ | {
            "AWS_ENDPOINT_URL": ENDPOINT, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        listed = lambda: json.loads(subprocess.run(
            ["aws", "cloudwatch", "list-metrics", "--namespace", "AWS/States", "--output", "json", "--dimensions",
             f"Name=StateMachineArn,Value={self.machine}"],
            env=environment, capture_output=True, text=True, check=True).stdout)["Metrics"]
        expected = {"ExecutionTime", "ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed",
                    "ExecutionsAborted", "ExecutionsTimedOut"}
        self.assertTrue(until(lambda: expected <= {metric["MetricName"] for metric in listed()}))

    def test_prometheus_text_parses(self):
        try:
            from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
        except ImportError:
            print("!! SKIPPED: Prometheus' text needs the parser of prometheus_client", file=sys.stderr)
            self.skipTest("no prometheus_client")
        def samples():
            with urllib.request.urlopen(f"{ENDPOINT}/metrics") as answer:
                self.assertTrue(answer.headers["Content-Type"].startswith("application/openmetrics-text"))
                text = answer.read().decode()
            return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
                    for family in parse(text) for sample in family.samples}
        key = lambda status: ("darkroom_executions_total", (("state_machine", self.machine), ("status", status)))
        until(lambda: samples().get(key("timed_out")) == 2)
        found = samples()
        self.assertEqual([found[key(status)] for status in ["succeeded", "failed", "aborted"]], [4, 3, 1])
        self.assertGreater(found["darkroom_commit_duration_seconds_count", ()], 0)
        self.assertGreater(found["darkroom_store_size_bytes", ()], 0)
        self.assertGreater(found["darkroom_resident_memory_bytes", ()], 0)
        self.assertGreater(found["darkroom_state_transitions_total", ()], 0)
        self.assertGreater(found["darkroom_api_calls_total", (("action", "StartExecution"),)], 0)

        # One waits for less than a minute, one for an hour, and one for a worker.
        states = client("stepfunctions")
        activity = states.create_activity(name=name("gauge"))["activityArn"]
        wait = lambda seconds: {"Type": "Wait", "Seconds": seconds, "End": True}
        executions = []
        for state in [wait(50), wait(3_600), {"Type": "Task", "Resource": activity, "End": True}]:
            definition = json.dumps({"StartAt": "S", "States": {"S": state}})
            machine = create_machine(states, definition=definition)["stateMachineArn"]
            executions.append(states.start_execution(stateMachineArn=machine)["executionArn"])
        standard = (("type", "standard"),)
        until(lambda: samples()["darkroom_activity_tasks_waiting", ()] >= 1)
        found = samples()
        self.assertGreaterEqual(found["darkroom_executions_in_memory", standard], 2)
        self.assertGreaterEqual(found["darkroom_executions_timed", standard], 1)
        self.assertGreaterEqual(found["darkroom_executions_asleep", ()], 1)
        for gauge, labels in [
            ("starts_waiting", ()), ("commits_waiting", ()), ("deliveries_waiting", ()), ("dead_letters", ()),
            ("inputs_waiting", standard), ("inputs_waiting", (("type", "express"),)),
            ("task_calls", (("state", "under_way"),)), ("task_calls", (("state", "waiting"),)),
        ]:
            self.assertGreaterEqual(found[f"darkroom_{gauge}", labels], 0, gauge)
        for execution in executions:
            states.stop_execution(executionArn=execution)
        until(lambda: samples()["darkroom_activity_tasks_waiting", ()] == found["darkroom_activity_tasks_waiting", ()] - 1)


if __name__ == "__main__":
    unittest.main()
