"""The state machines that are run while the server is killed, and what each of their executions is told.

A *shape* is a state machine together with what the world does for it. Executions of one shape differ in `n`, the
*variant*. All that the world answers follows from the execution's input and from what the context says of attempts, and
never from how often it was asked: so a run without crashes says what every run has to be.
"""
import json

# How many variants a shape has.
VARIANTS = 3
# An activity's task that no worker got is tried again after this long.
SILENCE_SECONDS = 15
RETRIES = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}]


def chain(start, *states):
    """States one after the other, the last one an end: (name, fields) each."""
    following = [name for name, _ in states[1:]]
    ways = [{"Next": name} for name in following] + [{"End": True}]
    terminal = ("Fail", "Succeed", "Choice")
    return {
        **start,
        "StartAt": states[0][0],
        "States": {
            name: {**fields, **({} if fields["Type"] in terminal else way)}
            for (name, fields), way in zip(states, ways)
        },
    }


def function(step, **more):
    """A Lambda function as a Task; the world is told who asks, which step it is and which attempt."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:000000000000:function:work",
        "Parameters": {
            "id.$": "$$.Execution.Name", "step": step, "n.$": "$.n",
            "attempt.$": "$$.State.RetryCount", "redrive.$": "$$.Execution.RedriveCount", **more,
        },
        "Retry": RETRIES,
    }


def wait(seconds):
    return {"Type": "Wait", "Seconds": seconds}


PASS = {"Type": "Pass"}


def shapes(activity, queue, child):
    """Every shape's definition, by name. They use this activity, this queue and this child state machine."""
    by_items = {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ResultPath": "$.results",
                "ItemSelector": {"item.$": "$$.Map.Item.Value", "n.$": "$.n"},
                "ItemProcessor": chain({}, ("Call", function(1, **{"item.$": "$.item"})), ("Pause", wait(1)))}
    return {
        "passes": chain({}, *((f"Pass{number}", PASS) for number in range(10))),
        "waits": chain({}, ("First", wait(2)), ("Between", PASS), ("Second", {"Type": "Wait", "SecondsPath": "$.n"})),
        "parallel": chain(
            {},
            ("Together", {"Type": "Parallel", "ResultPath": "$.together", "Branches": [
                chain({}, ("Call", function(1, branch="call")), ("After", PASS)),
                chain({}, ("Short", wait(1)), ("Then", function(2, branch="then"))),
                chain({}, ("Inner", {"Type": "Parallel", "Branches": [
                    chain({}, ("One", wait(1))), chain({}, ("Two", wait(2)))]}), ("Last", PASS)),
            ]}),
            ("Done", PASS),
        ),
        "caught": chain(
            {},
            ("Together", {
                "Type": "Parallel", "ResultPath": "$.never",
                "Branches": [chain({}, ("Soon", wait(1)), ("Bad", {"Type": "Fail", "Error": "Bad", "Cause": "so it is"})),
                             chain({}, ("Never", wait(3600)))],
                "Catch": [{"ErrorEquals": ["Bad"], "ResultPath": "$.error", "Next": "Mend"}]}),
            ("Mend", function(1)),
            ("Mended", PASS),
        ),
        "map": chain({}, ("Each", by_items), ("Done", PASS)),
        "map-jsonata": chain(
            {"QueryLanguage": "JSONata"},
            ("Each", {"Type": "Map", "Items": "{% [1..$states.input.n + 4] %}",
                      "ItemProcessor": chain({}, ("Square", {**PASS, "Output": "{% $states.input * $states.input %}"}),
                                             ("Pause", wait("{% $states.input % 2 %}"))),
                      "Output": "{% {'sum': $sum($states.result)} %}"}),
            ("Sum", {**PASS, "Assign": {"seen": "{% $states.input.sum %}"}}),
            ("Twice", {**PASS, "Output": "{% $seen * 2 %}"}),
        ),
        "activity": chain(
            {},
            ("Work", {"Type": "Task", "Resource": activity, "HeartbeatSeconds": SILENCE_SECONDS, "ResultPath": "$.work",
                      "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 9, "BackoffRate": 1}],
                      "Catch": [{"ErrorEquals": ["Odd"], "ResultPath": "$.odd", "Next": "After"}]}),
            ("After", function(1)),
        ),
        "callback": chain(
            {},
            ("Ask", {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                     "Parameters": {"QueueUrl": queue, "MessageBody": {
                         "id.$": "$$.Execution.Name", "n.$": "$.n", "token.$": "$$.Task.Token"}},
                     "ResultPath": "$.answer", "Catch": [{"ErrorEquals": ["Odd"], "ResultPath": "$.odd", "Next": "After"}]}),
            ("After", function(1)),
        ),
        "functions": chain({}, *((f"Call{step}", {**function(step), "ResultPath": f"$.call{step}"}) for step in range(3))),
        "gives-up": chain({}, ("Call", {**function(1, never=True), "ResultPath": "$.call"})),
        "nested": chain(
            {},
            ("Child", {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
                       "Parameters": {"StateMachineArn": child, "Input": {"n.$": "$.n"}},
                       "ResultSelector": {"output.$": "$.Output"}, "ResultPath": "$.child"}),
            ("After", function(1)),
            ("Another", {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
                         "Parameters": {"StateMachineArn": child, "Input": {"n": 0}}, "ResultSelector": {"arn.$": "$.ExecutionArn"}}),
        ),
        "timed-out": chain({"TimeoutSeconds": 2}, ("Long", wait(3600))),
        "stopped": chain({}, ("Long", wait(3600))),
        "redriven": chain({}, ("Before", wait(1)), ("Call", {**function(1, first="refused"), "ResultPath": "$.call"}), ("After", PASS)),
    }


# What the shape `nested` starts, twice.
CHILD = chain({}, ("Pause", {"Type": "Wait", "SecondsPath": "$.n"}), ("Done", PASS))
CHILDREN = 2


def given(name, variant):
    """An execution's input."""
    return json.dumps({"id": name, "n": variant, "items": [10, 20, 30]})


def answer_of_function(event):
    """What the function answers: (result, error name). Each variant fails as often as its number says, then succeeds."""
    if event.get("never") or event["attempt"] < event["n"] and "first" not in event:
        return None, "Busy"
    if event.get("first") == "refused" and event["redrive"] == 0:
        return None, "Refused"
    return {"step": event["step"], "attempt": event["attempt"], "item": event.get("item")}, None


def answer_of_worker(task):
    """What a worker, of the activity or of the queue, reports: (output, error name)."""
    return (None, "Odd") if task["n"] == 1 else ({"worked": task["n"]}, None)
