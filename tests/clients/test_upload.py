"""`workflows/upload.asl.json`: from S3's event to one execution of the image workflow.

On AWS a rule of EventBridge starts it with the event's detail. Here a state machine that waits stands for the image
workflow, so that its executions can be looked at.
"""
import hashlib, json, pathlib, unittest

from support import ACCOUNT, PASS, REGION, ROLE, WAIT, Case, name

WORKFLOW = pathlib.Path(__file__).resolve().parent.parent.parent / "workflows" / "upload.asl.json"


class Upload(Case):
    def setUp(self):
        project = name("p")
        create = lambda kind, definition: self.sfn.create_state_machine(
            name=f"{project}-{kind}", definition=definition, roleArn=ROLE)["stateMachineArn"]
        text = WORKFLOW.read_text()
        for placeholder, value in (("region", REGION), ("account", ACCOUNT), ("project_name", project)):
            text = text.replace(f"${{{placeholder}}}", value)
        self.upload = create("upload", text)
        self.create = lambda definition: create("image-processing", definition)

    def put(self, key, size=2048576, sequencer="1"):
        """What became of an event about this object, when all that it set off has ended."""
        event = json.dumps({"bucket": {"name": "b"}, "object": {"key": key, "size": size, "sequencer": sequencer}, "reason": "PutObject"})
        ended = self.ended(self.sfn.start_execution(stateMachineArn=self.upload, input=event)["executionArn"])
        if ended["status"] == "SUCCEEDED":
            upload = hashlib.sha256(f"{key} {sequencer}".encode()).hexdigest()[:63]
            only_one = self.ended(f"{self.upload.replace(':stateMachine:', ':execution:')}:upload-{upload}")
            self.assertEqual(only_one["status"], "SUCCEEDED", only_one)
        return ended

    def started(self, images):
        """The inputs of the image workflow's executions, by name."""
        found = self.sfn.list_executions(stateMachineArn=images)["executions"]
        described = [self.sfn.describe_execution(executionArn=execution["executionArn"]) for execution in found]
        return {execution["name"]: json.loads(execution["input"]) for execution in described}

    def test_an_upload_becomes_an_execution_with_the_input_of_the_specification(self):
        images = self.create(PASS)
        long = "i" * 100
        cases = {
            "uploads/u1/p1.jpg": ("p1", "u1", "p1.jpg", "image/jpeg", "p1"),
            "uploads/U_2.x/my.photo-3.JPEG": ("my.photo-3", "U_2.x", "my.photo-3.JPEG", "image/jpeg", "my.photo-3"),
            "uploads/u/p.png": ("p", "u", "p.png", "image/png", "p"),
            "uploads/u/t.TIF": ("t", "u", "t.TIF", "image/tiff", "t"),
            "uploads/u/d.pdf": ("d", "u", "d.pdf", "application/octet-stream", "d"),
            f"uploads/u/{long}.webp": (long, "u", f"{long}.webp", "image/webp", hashlib.sha256(long.encode()).hexdigest()[:63]),
        }
        for key, (image, user, file, kind, called) in cases.items():
            self.assertEqual(self.put(key)["status"], "SUCCEEDED", key)
            expected = {"imageId": image, "userId": user, "s3Key": key, "fileName": file, "fileSize": 2048576, "fileType": kind}
            self.assertEqual(self.started(images)[f"image-processing-{called}"], expected)
        self.assertEqual(len(self.started(images)), len(cases))

    def test_an_event_that_comes_again_starts_nothing_again(self):
        for definition in (WAIT, PASS):
            with self.subTest(definition):
                self.setUp()
                images = self.create(definition)
                outputs = {self.put("uploads/u1/p1.jpg")["output"] for _ in range(3)}
                self.assertEqual(len(outputs), 1)
                self.assertEqual(list(self.started(images)), ["image-processing-p1"])

    def test_two_users_may_have_images_of_the_same_id(self):
        images = self.create(PASS)
        for _ in range(2):
            for user in ("u1", "u2"):
                self.assertEqual(self.put(f"uploads/{user}/p1.jpg")["status"], "SUCCEEDED")
        other = "image-processing-" + hashlib.sha256(b"uploads/u2/p1.jpg 1").hexdigest()[:63]
        self.assertEqual({called: given["userId"] for called, given in self.started(images).items()},
                         {"image-processing-p1": "u1", other: "u2"})

    def test_what_is_put_under_a_key_again_is_another_upload(self):
        # Whether its length is another or the same, and whether the execution of that name has ended or runs.
        for definition in (WAIT, PASS):
            for writes in ([(1, "1"), (2, "2")], [(7, "1"), (7, "2"), (7, "3")]):
                with self.subTest(definition, writes=writes):
                    self.setUp()
                    images = self.create(definition)
                    for size, sequencer in [*writes, *reversed(writes), writes[0]]:
                        self.assertEqual(self.put("uploads/u1/p1.jpg", size, sequencer)["status"], "SUCCEEDED")
                    sizes = sorted(given["fileSize"] for given in self.started(images).values())
                    self.assertEqual(sizes, [size for size, _ in writes])
                    others = {"image-processing-" + hashlib.sha256(f"uploads/u1/p1.jpg {sequencer}".encode()).hexdigest()[:63]
                              for _, sequencer in writes[1:]}
                    self.assertEqual(set(self.started(images)), {"image-processing-p1"} | others)

    def test_a_key_of_another_form_is_refused(self):
        images = self.create(PASS)
        for key in ("p1.jpg", "uploads/p1.jpg", "uploads/u1/", "uploads/u1/p1", "uploads/u1/../u2/p1.jpg", "uploads/../p1.jpg",
                    "uploads/u1/.jpg", "uploads/.u/p.jpg", "uploads/u 1/p.jpg", "uploads/u/ü.jpg", "processed/u1/p1.jpg",
                    "/uploads/u1/p1.jpg", "uploads/u1/p1.jpg/x", "uploads/u1/p1.jpg\n", f"uploads/u/{'i' * 129}.jpg"):
            ended = self.put(key)
            self.assertEqual((ended["status"], ended["error"]), ("FAILED", "Upload.InvalidKey"), key)
            self.assertTrue(ended["cause"].endswith(f"and not {key}"), ended["cause"])
        self.assertEqual(self.started(images), {})


if __name__ == "__main__":
    unittest.main()
