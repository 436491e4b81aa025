"""The whole program, killed at random moments while it is used, is held to everything that it acknowledged.

Each shape of `crash/shapes.py` is run once without a crash; then many executions of all shapes are sent while the server
is killed and started again, and every one of them must have the history of that run but for times and ids.

DARKROOM_CRASH_EXECUTIONS, DARKROOM_CRASH_KILLS and DARKROOM_CRASH_SEED set how many, how often and when; the seed is
printed where the test fails.
"""
import json, os, random, tempfile, threading, time, unittest
from collections import Counter

from crash import history, shapes
from crash.world import Functions, World, client
from server import Server, free_port

BINARY = os.environ["DARKROOM_BINARY"]
EXECUTIONS = int(os.environ.get("DARKROOM_CRASH_EXECUTIONS", 250))
KILLS = int(os.environ.get("DARKROOM_CRASH_KILLS", 6))
SEED = int(os.environ.get("DARKROOM_CRASH_SEED", random.randrange(1_000_000)))
SENDERS = 3
# The kills at the end come when everything is sent, and executions only wait or work.
LATE_KILLS = max(1, KILLS // 5)
# The longest that executions may go on without one of them ending.
PATIENCE_SECONDS = 120
ROLE = "arn:aws:iam::000000000000:role/any"


class Run:
    """One data folder, with the machines of all shapes, and the world around it."""

    def __init__(self, folder, port, functions):
        self.folder, self.port, self.functions = folder, port, functions
        self.server = None
        self.kills = 0
        self.start_server()
        sfn, sqs = client("stepfunctions", self.server.endpoint), client("sqs", self.server.endpoint)
        activity = sfn.create_activity(name="work")["activityArn"]
        queue = sqs.create_queue(QueueName="work")["QueueUrl"]
        create = lambda name, definition: sfn.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
        self.child = create("child", shapes.CHILD)
        self.machines = {name: create(name, definition)
                         for name, definition in shapes.shapes(activity, queue, self.child).items()}
        self.world = functions.world = World(self.server.endpoint, activity, queue)
        self.world.run(self.world.redrive, *[self.world.work_for_activity] * 2, *[self.world.work_for_queue] * 2)
        self.sfn = sfn

    def start_server(self):
        self.server = Server(BINARY, self.folder, "--lambda-endpoint", self.functions.endpoint,
                             listen=f"127.0.0.1:{self.port}")

    def kill_server(self):
        self.server.kill()
        self.kills += 1
        self.start_server()

    def send(self, executions):
        """Starts these executions, (shape, number, variant) each, one after the other."""
        sfn = client("stepfunctions", self.server.endpoint)
        for shape, number, variant in executions:
            self.world.start(sfn, self.machines[shape], f"{shape}-{number:06}", variant)

    def wait_until_all_have_ended(self):
        left, until = None, time.monotonic() + PATIENCE_SECONDS
        while left != 0:
            running = sum(len(self.executions(machine, statusFilter="RUNNING"))
                          for machine in (*self.machines.values(), self.child))
            running += self.world.followed.qsize()
            if running != left:
                left, until = running, time.monotonic() + PATIENCE_SECONDS
            if time.monotonic() > until or self.world.failures:
                raise AssertionError(f"{left} executions do not end; {self.world.failures}")
            time.sleep(0.2)

    def executions(self, machine, **which):
        found, token = [], {}
        while True:
            page, _ = self.world.insist(self.sfn.list_executions, stateMachineArn=machine, maxResults=1000, **which, **token)
            found += page["executions"]
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    def history(self, arn):
        events, token = [], {}
        while True:
            page = self.sfn.get_execution_history(executionArn=arn, maxResults=1000, **token)
            events += page["events"]
            if "nextToken" not in page:
                return events
            token = {"nextToken": page["nextToken"]}

    def end(self):
        """Ends server and world, and says what is wrong with what the world was told."""
        self.world.over.set()
        # Killed, so that nobody waits for a long poll's end.
        self.server.kill()
        return self.world.end()


class Crash(unittest.TestCase):
    def setUp(self):
        self.functions = Functions()
        self.addCleanup(self.functions.stop)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def test_what_was_acknowledged_outlives_every_crash(self):
        print(f"seed {SEED}: {EXECUTIONS} executions, {KILLS} kills")
        expected = self.without_a_crash()
        chance = random.Random(SEED)
        began = time.monotonic()
        run = Run(f"{self.folder.name}/killed", free_port(), self.functions)
        try:
            sent = [(shape, number, chance.randrange(shapes.VARIANTS))
                    for number in range(EXECUTIONS) for shape in [chance.choice(sorted(run.machines))]]
            self.send_and_kill(run, sent, chance)
            run.wait_until_all_have_ended()
            self.held_to_what_it_acknowledged(run, sent, expected, time.monotonic() - began)
        finally:
            wrong = run.end()
        self.assertEqual(wrong, [])

    def without_a_crash(self):
        """The normal history of each shape and variant, and those of the children, from a run that nobody disturbs."""
        run = Run(f"{self.folder.name}/undisturbed", free_port(), self.functions)
        try:
            run.send((shape, variant, variant) for shape in run.machines for variant in range(shapes.VARIANTS))
            run.wait_until_all_have_ended()
            expected = {}
            for name, (arn, _) in run.world.acknowledged.items():
                shape, variant = name.rsplit("-", 1)
                events = run.history(arn)
                self.assertEqual(history.faults(events, shape == "redriven"), [], name)
                expected[shape, int(variant)] = self.normal(events, name, run)
            expected["child"] = {history.normal(run.history(child["executionArn"]), child["name"], run.port)
                                 for child in run.executions(run.child)}
        finally:
            wrong = run.end()
        self.assertEqual(wrong, [])
        return expected

    def normal(self, events, name, run):
        """What a history has in common with others of its shape."""
        told = history.without_submissions(events) if name.startswith("callback-") else events
        return history.normal(told, name, run.port)

    def send_and_kill(self, run, sent, chance):
        """Sends everything, and kills the server at random moments: most while it is sent, the others thereafter."""
        senders = [threading.Thread(target=run.send, args=(sent[part::SENDERS],)) for part in range(SENDERS)]
        marks = sorted(chance.randrange(len(sent)) for _ in range(KILLS - LATE_KILLS))
        for sender in senders:
            sender.start()
        for mark in marks:
            while len(run.world.acknowledged) < mark and any(sender.is_alive() for sender in senders):
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.05))
            run.kill_server()
        for sender in senders:
            sender.join()
        for _ in range(LATE_KILLS):
            time.sleep(chance.uniform(0, 1))
            run.kill_server()

    def held_to_what_it_acknowledged(self, run, sent, expected, seconds):
        wrong, ends, events_read, lost = [], Counter(), 0, 0
        for shape, machine in run.machines.items():
            found = {execution["name"]: execution for execution in run.executions(machine)}
            names = {f"{shape}-{number:06}": variant for of, number, variant in sent if of == shape}
            self.assertEqual(found.keys(), names.keys(), f"{shape}: exactly what was started is there")
            for name, variant in names.items():
                arn, date = run.world.acknowledged[name]
                if found[name]["startDate"] != (date or found[name]["startDate"]):
                    wrong.append(f"{name} was acknowledged as started at {date}, and is of {found[name]['startDate']}")
                events = run.history(arn)
                events_read += len(events)
                ends[events[-1]["type"]] += 1
                wrong += [f"{name}: {fault}" for fault in history.faults(events, shape == "redriven")]
                kept, gone = history.without_lost(events, run.world.lost_polls)
                lost += gone
                if (normal := self.normal(kept, name, run)) != expected[shape, variant]:
                    wrong.append(f"{name} differs from a run without a crash:\n{normal}\n"
                                 f"instead of\n{expected[shape, variant]}")
        children = run.executions(run.child)
        for child in children:
            events = run.history(child["executionArn"])
            events_read += len(events)
            wrong += [f"child {child['name']}: {fault}" for fault in history.faults(events)]
            if history.normal(events, child["name"], run.port) not in expected["child"]:
                wrong.append(f"child {child['name']} differs from every child without a crash")
        parents = sum(shape == "nested" for shape, _, _ in sent)
        if len(children) != parents * shapes.CHILDREN:
            wrong.append(f"{len(children)} children of {parents} parents")
        print(f"{len(sent)} executions and {len(children)} children, {run.kills} kills, {events_read} events, "
              f"{run.world.calls} calls of functions, {len(run.world.reported)} reports, of which {len(run.world.cut_off)} "
              f"cut off at first, {lost} tasks given to polls that were cut off; {dict(ends)}; {seconds:.0f} s")
        self.assertEqual(len(wrong), 0, f"seed {SEED}, {len(wrong)} faults:\n" + "\n".join(wrong[:5]))


if __name__ == "__main__":
    unittest.main()
