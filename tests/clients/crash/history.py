"""What two runs of one state machine have in common: a history without times, ids and chance.

`faults` says what is wrong with a history on its own. `normal` turns one into a tree that is the same for every run
of the same machine with the same input: an event stands below the event that caused it, and what went on at the
same time has no order. Times, ids and names made for one run are replaced by what they are.
"""
import json, re

ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}
FORKS = {"MapStateStarted", "ParallelStateStarted"}
# What follows from all branches of a fork, though its `previousEventId` names the one that came last.
JOINS = {f"{kind}State{end}" for kind in ("Map", "Parallel") for end in ("Succeeded", "Failed", "Exited")}
# What was made for one run, and what stands in its place. The first that fits is taken.
MADE = [
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"\b[0-9a-f]{90,}\b", "TOKEN"),
    (r"\b[0-9a-f]{32}\b", "DIGEST"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\b", "TIME"),
    (r"(?<=Date\\\":)\d{13}\b", "TIME"),
]


def faults(events, redrives=0):
    """What is wrong with a history that has ended, in words. One end, and one more for each redrive."""
    found = []
    if [event["id"] for event in events] != list(range(1, len(events) + 1)):
        found.append(f"not gapless: {[event['id'] for event in events]}")
    ends = [place for place, event in enumerate(events, 1) if event["type"] in ENDS]
    if len(ends) != redrives + 1 or ends[-1] != len(events):
        found.append(f"ends at {ends}, of {len(events)} events with {redrives} redrives")
    if any(event["previousEventId"] >= event["id"] for event in events):
        found.append("an event comes before its cause")
    times = [event["timestamp"] for event in events]
    if times != sorted(times):
        found.append("time goes backwards")
    return found


def without_lost(events, lost):
    """The history without the tasks that no worker got, and how many they are.

    Where the server dies between `ActivityStarted` and the answer to the worker's poll, nobody works on the task until
    it times out and is tried again. `lost` holds the names of the polls that were cut off; each poll has its own.
    """
    names = {event["id"]: event.get("activityStartedEventDetails", {}).get("workerName") for event in events}
    above = {}
    kept = []
    gone = 0
    for event in events:
        previous = event["previousEventId"]
        if event["type"] == "ActivityTimedOut" and names.get(previous) in lost:
            started = next(other for other in kept if other["id"] == previous)
            scheduled = next(other for other in kept if other["id"] == started["previousEventId"])
            kept.remove(started)
            kept.remove(scheduled)
            above[event["id"]] = above.get(scheduled["previousEventId"], scheduled["previousEventId"])
            gone += 1
        else:
            kept.append({**event, "previousEventId": above.get(previous, previous)})
    return kept, gone


def without_submissions(events):
    """The history without `TaskSubmitted`.

    A worker may report before the call that gave it the token is answered, or before a call is repeated whose answer a
    crash has cut off. The task then ends without having been submitted.
    """
    above = {event["id"]: event["previousEventId"] for event in events if event["type"] == "TaskSubmitted"}
    return [{**event, "previousEventId": above.get(event["previousEventId"], event["previousEventId"])}
            for event in events if event["type"] != "TaskSubmitted"]


def normal(events, name, port):
    """The history as a tree in one text, equal for all runs that differ in time, ids and the order of what is apart."""
    kinds = {event["id"]: event["type"] for event in events}
    parents = {}
    for event in events:
        parents[event["id"]] = _parent(event, kinds, parents)
    children = {}
    for event in events:
        children.setdefault(parents[event["id"]], []).append(event)
    return "\n".join(_lines(0, 0, children, lambda event: _shown(event, name, port)))


def _parent(event, kinds, parents):
    """The event that caused this one: for what joins branches, or begins one, the fork."""
    previous = event["previousEventId"]
    apart = event["type"] in JOINS or event["type"] == "MapIterationStarted"
    if not apart or kinds[previous] in JOINS and event["type"].endswith("Exited") and kinds[previous].endswith("Failed"):
        return previous
    while kinds[previous] not in FORKS:
        if kinds[previous] in JOINS:
            # A fork within, which is over: above it the way goes on.
            while kinds[previous] not in FORKS:
                previous = parents[previous]
        previous = parents[previous]
    return previous


def _lines(event_id, depth, children, shown):
    """The events below this one, each with what is below it. What has one cause is put into the order of its text."""
    blocks = []
    for event in children.get(event_id, []):
        below = _lines(event["id"], depth + 1, children, shown)
        blocks.append(["  " * depth + shown(event), *below])
    return [line for block in sorted(blocks) for line in block]


def _shown(event, name, port):
    details = {key: value for key, value in event.items() if key not in ("id", "previousEventId", "timestamp", "type")}
    if "activityStartedEventDetails" in details:
        details["activityStartedEventDetails"] = {"workerName": "WORKER"}
    text = json.dumps(details, sort_keys=True).replace(name, "NAME").replace(f":{port}/", ":PORT/")
    for pattern, replacement in MADE:
        text = re.sub(pattern, replacement, text)
    return f"{event['type']} {text}"
