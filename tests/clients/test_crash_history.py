"""What `crash/history.py` takes for equal, and what it does not: the crash test is worth as much as this."""
import unittest

from crash import history

NAME = "shape-000001"
PORT = 4566


def events(*rows):
    """Events (type, cause, details) with ids from 1, a second apart."""
    return [{"id": number, "previousEventId": cause, "type": kind, "timestamp": number, **details}
            for number, (kind, cause, details) in enumerate(rows, 1)]


def state(kind, cause, name, **more):
    side = "stateEnteredEventDetails" if kind.endswith("Entered") else "stateExitedEventDetails"
    return kind, cause, {side: {"name": name, **more}}


def forked(*order):
    """A Parallel of two Waits, `A` and `B`, which end in this order."""
    rows = [("ExecutionStarted", 0, {}), state("ParallelStateEntered", 0, "P"), ("ParallelStateStarted", 2, {}),
            state("WaitStateEntered", 3, "A"), state("WaitStateEntered", 3, "B")]
    rows += [state("WaitStateExited", {"A": 4, "B": 5}[name], name) for name in order]
    last = len(rows)
    rows += [("ParallelStateSucceeded", last, {}), state("ParallelStateExited", last, "P"),
             ("ExecutionSucceeded", last + 2, {})]
    return events(*rows)


def iterated(*slots):
    """A Map of three in which two run at once: each slot is (iteration that ended, event that the third began after)."""
    first, second = slots
    rows = [("ExecutionStarted", 0, {}), state("MapStateEntered", 0, "M"), ("MapStateStarted", 2, {})]
    rows += [("MapIterationStarted", 3, {"mapIterationStartedEventDetails": {"name": "M", "index": index}})
             for index in range(2)]
    ended = lambda index, cause: ("MapIterationSucceeded", cause, {
        "mapIterationSucceededEventDetails": {"name": "M", "index": index}})
    began = {0: 4, 1: 5}
    rows.append(ended(first, began[first]))
    rows.append(("MapIterationStarted", began[first], {"mapIterationStartedEventDetails": {"name": "M", "index": 2}}))
    rows.append(ended(second, began[second]))
    rows.append(ended(2, 7))
    rows += [("MapStateSucceeded", 9, {}), state("MapStateExited", 9, "M"), ("ExecutionSucceeded", 11, {})]
    return events(*rows)


def activity(*workers):
    """An activity's task, given to each of these workers in turn; the last one reports."""
    rows = [("ExecutionStarted", 0, {}), state("TaskStateEntered", 0, "T")]
    for worker in workers:
        rows.append(("ActivityScheduled", len(rows), {}))
        rows.append(("ActivityStarted", len(rows), {"activityStartedEventDetails": {"workerName": worker}}))
        rows.append(("ActivityTimedOut", len(rows), {}))
    rows[-1] = ("ActivitySucceeded", len(rows) - 1, {})
    rows += [state("TaskStateExited", len(rows), "T"), ("ExecutionSucceeded", len(rows) + 1, {})]
    return events(*rows)


def told(output):
    return events(("ExecutionStarted", 0, {}), ("ExecutionSucceeded", 1, {"executionSucceededEventDetails": {"output": output}}))


class Equal(unittest.TestCase):
    def normal(self, found, name=NAME):
        return history.normal(found, name, PORT)

    def test_what_goes_on_at_once_has_no_order(self):
        self.assertEqual(self.normal(forked("A", "B")), self.normal(forked("B", "A")))
        self.assertEqual(self.normal(iterated(0, 1)), self.normal(iterated(1, 0)))

    def test_what_follows_one_another_has_its_order(self):
        one = events(("ExecutionStarted", 0, {}), state("PassStateEntered", 0, "A"), state("PassStateEntered", 2, "B"))
        other = events(("ExecutionStarted", 0, {}), state("PassStateEntered", 0, "B"), state("PassStateEntered", 2, "A"))
        self.assertNotEqual(self.normal(one), self.normal(other))

    def test_every_event_counts(self):
        whole = forked("A", "B")
        for missing in range(3, len(whole)):
            rest = whole[:missing] + whole[missing + 1:]
            self.assertNotEqual(history.faults(rest), [], whole[missing])
        self.assertNotEqual(self.normal(whole), self.normal(forked("A")))
        self.assertNotEqual(self.normal(forked("A", "A")), self.normal(whole))

    def test_what_was_made_for_one_run_does_not_count(self):
        cases = [
            (f'"{NAME}"', '"other-00002"', "other-00002"),
            ('{"StartDate":1795637321846}', '{"StartDate":1795637999999}', NAME),
            ('"2026-11-25T20:08:42.848Z"', '"2027-01-01T00:00:00Z"', NAME),
            ('"43c54f58-8ebf-8c6a-9c07-51a12ca1fe77"', '"00000000-8ebf-8c6a-9c07-51a12ca1fe77"', NAME),
            ('"Wed, 25 Nov 2026 20:08:42 GMT"', '"Thu, 26 Nov 2026 20:08:42 GMT"', NAME),
        ]
        for one, other, name in cases:
            self.assertEqual(self.normal(told(one)), self.normal(told(other), name), one)
        for one, other in [("1", "1.0"), ('{"a":1}', '{"a":2}'), ("1795637321846", "1795637321847"), ('"x"', '"y"')]:
            self.assertNotEqual(self.normal(told(one)), self.normal(told(other)), one)

    def test_a_task_that_no_worker_got_is_left_out_and_no_other(self):
        once = self.normal(activity("c"))
        kept, gone = history.without_lost(activity("a", "b", "c"), {"a", "b"})
        self.assertEqual((self.normal(kept), gone), (once, 2))
        kept, gone = history.without_lost(activity("a", "b", "c"), {"a"})
        self.assertNotEqual(self.normal(kept), once)
        self.assertEqual(gone, 1)


    def test_a_report_may_come_before_its_task_is_submitted(self):
        ended = ("TaskSucceeded", 4, {}), state("TaskStateExited", 5, "T"), ("ExecutionSucceeded", 6, {})
        begun = ("ExecutionStarted", 0, {}), state("TaskStateEntered", 0, "T"), ("TaskScheduled", 2, {}), ("TaskStarted", 3, {})
        soon = events(*begun, *ended)
        later = events(*begun, ("TaskSubmitted", 4, {}), *((kind, cause + 1, details) for kind, cause, details in ended))
        self.assertNotEqual(self.normal(soon), self.normal(later))
        self.assertEqual(self.normal(history.without_submissions(soon)), self.normal(history.without_submissions(later)))


class Faults(unittest.TestCase):
    def test_each_is_found(self):
        whole = told("1")
        self.assertEqual(history.faults(whole), [])
        self.assertEqual(history.faults(forked("B", "A")), [])
        twice = told("1") + [{**whole[1], "id": 3, "previousEventId": 2, "timestamp": 3}]
        cases = {
            "no end": whole[:1],
            "two ends": twice,
            "a gap": [whole[0], {**whole[1], "id": 3}],
            "a cause that comes later": [whole[0], {**whole[1], "previousEventId": 2}],
            "an earlier time": [whole[0], {**whole[1], "timestamp": 0}],
        }
        for fault, found in cases.items():
            self.assertEqual(len(history.faults(found)), 1, fault)
        self.assertEqual(history.faults(twice, redrives=1), [])


if __name__ == "__main__":
    unittest.main()
