"""Every bound of the API's published model, each broken on its own, against what the server says of it."""
import unittest

from support import Case, raw

PATTERNS = {r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$": "123", r"\p{ASCII}*": "ä", "[!-~]+": "a b"}
# AWS: an enumeration is told in the service's own order, which a recording shows.
STATUSES = "SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING"
FAILED = "failed to satisfy constraint: Member must"


def valid(shape):
    """The smallest value that keeps to a shape's bounds."""
    bounds = shape.metadata
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "a" * max(bounds.get("min", 1), 1)
    if shape.type_name in ("integer", "long", "float"):
        return bounds.get("min", 0)
    if shape.type_name == "boolean":
        return True
    if shape.type_name == "list":
        return [valid(shape.member)] * bounds.get("min", 0)
    return {member: valid(shape.members[member]) for member in shape.required_members}


def broken(shape):
    """Values that break one bound each, with what is said of them."""
    bounds = shape.metadata
    if shape.type_name == "string" and shape.enum:
        words = STATUSES if "PENDING_REDRIVE" in shape.enum else ", ".join(shape.enum)
        yield "wrong", f"{FAILED} satisfy enum value set: [{words}]"
    elif shape.type_name == "string":
        if bounds.get("min", 0) > 0:
            text = f"{FAILED} have length greater than or equal to {bounds['min']}"
            if "pattern" not in bounds:
                yield "", text
        if "max" in bounds:
            yield "a" * (bounds["max"] + 1), f"{FAILED} have length less than or equal to {bounds['max']}"
        if "pattern" in bounds:
            text = f"{FAILED} satisfy regular expression pattern: {bounds['pattern']}"
            yield PATTERNS[bounds["pattern"]], text
    elif shape.type_name in ("integer", "long", "float"):
        if "min" in bounds:
            yield bounds["min"] - 1, f"{FAILED} have value greater than or equal to {bounds['min']}"
        if "max" in bounds:
            yield bounds["max"] + 1, f"{FAILED} have value less than or equal to {bounds['max']}"


def wrong_types(shape):
    if shape.type_name == "string":
        return [7, True, {}, []]
    if shape.type_name in ("integer", "long", "float"):
        return ["7", {}, [], False]
    if shape.type_name == "boolean":
        return ["true", 1, {}]
    return ["text", 7]


class Bounds(Case):
    def served(self):
        """The operations that are there, with the members of their inputs."""
        model = self.sfn.meta.service_model
        for operation in model.operation_names:
            if raw(operation, {"__type": 0})[1].get("__type") != "UnknownOperationException":
                yield operation, model.operation_model(operation).input_shape

    def test_every_bound_is_checked_and_told_in_awss_words(self):
        count = 0
        for operation, shape in self.served():
            for path, value, message in self.cases(shape, valid(shape), ""):
                with self.subTest(operation=operation, path=path):
                    status, answer = raw(operation, value)
                    expected = f"1 validation error detected: Value {message}"
                    self.assertEqual((status, answer["__type"]), (400, "ValidationException"), answer)
                    self.assertEqual(answer["message"][:600], expected[:600])
                    count += 1
        self.assertGreater(count, 100)

    def cases(self, shape, whole, prefix):
        """Inputs that break one bound of a member, or of a member's member."""
        for member, inner in shape.members.items():
            path = prefix + member
            if member in shape.required_members:
                without = {other: value for other, value in whole.items() if other != member}
                yield path, without, f"null at '{path}' {FAILED} not be null"
            for value, message in broken(inner):
                shown = "" if inner.metadata.get("sensitive") else f"'{value}' "
                yield path, {**whole, member: value}, f"{shown}at '{path}' {message}"
            if inner.type_name == "structure":
                for inner_path, value, message in self.cases(inner, valid(inner), f"{path}."):
                    yield inner_path, {**whole, member: value}, message
            if inner.type_name == "list" and inner.member.type_name == "structure":
                item = inner.member
                for inner_path, value, message in self.cases(item, valid(item), f"{path}.1.member."):
                    rest = whole.get(member, [])[1:]
                    yield inner_path, {**whole, member: [value, *rest]}, message

    def test_a_wrong_type_is_no_bound_that_is_broken(self):
        for operation, shape in self.served():
            for member, inner in shape.members.items():
                for value in wrong_types(inner):
                    with self.subTest(operation=operation, member=member, value=value):
                        status, answer = raw(operation, {**valid(shape), member: value})
                        self.assertEqual((status, answer["__type"]), (400, "SerializationException"), answer)

    def test_what_the_model_does_not_know_is_passed_over(self):
        self.assertEqual(raw("ListActivities", {"unknown": {"a": [1]}, "maxResults": None})[0], 200)


class Requests(unittest.TestCase):
    def test_what_is_no_call_is_refused(self):
        for action, body, code in [
            ("Nonsense", {}, "UnknownOperationException"),
            ("ListActivities", b"{", "SerializationException"),
            ("ListActivities", b"[]", "SerializationException"),
            ("ListActivities", b"\xff\xfe", "SerializationException"),
            ("ListActivities", b"[" * 100_000, "SerializationException"),
        ]:
            with self.subTest(action=action, body=body[:9] if isinstance(body, bytes) else body):
                status, answer = raw(action, body)
                self.assertEqual((status, answer["__type"]), (400, code))


if __name__ == "__main__":
    unittest.main()
