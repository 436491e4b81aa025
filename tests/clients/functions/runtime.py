"""A Lambda function without anybody's runtime: it asks the Runtime API for events by itself, with Python's own library.

`echo` gives an event back as it came. `faulty` does what the event says: dies, hangs, answers rubbish or too much.
"""
import json, os, sys, time, urllib.error, urllib.request

BASE = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
# Beyond what Lambda takes.
LARGE_BYTES = 7_000_000


def faulty(event):
    how = json.loads(event).get("how")
    print(f"this one: {how}", flush=True)
    if how == "dies":
        sys.exit(3)
    if how == "hangs":
        time.sleep(600)
    if how == "prints rubbish":
        return b"\xff<html>no JSON"
    if how == "answers 7 MB":
        return b'"' + b"x" * LARGE_BYTES + b'"'
    return b'{"well": true}'


def main():
    answer = {"echo": lambda event: event, "faulty": faulty}[sys.argv[1]]
    while True:
        with urllib.request.urlopen(BASE + "next") as given:
            request_id, event = given.headers["Lambda-Runtime-Aws-Request-Id"], given.read()
        try:
            urllib.request.urlopen(f"{BASE}{request_id}/response", answer(event)).close()
        except urllib.error.HTTPError as refused:
            print(f"the answer was refused: {refused}", flush=True)


main()
