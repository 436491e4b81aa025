"""Activities as resources, and the tags of activities and state machines."""
from support import ACCOUNT, REGION, Case, name


class Activities(Case):
    def test_an_activity_is_created_once_and_deleted_as_often_as_one_likes(self):
        called = name("activity")
        created = self.sfn.create_activity(name=called)
        arn = created["activityArn"]
        self.assertEqual(arn, f"arn:aws:states:{REGION}:{ACCOUNT}:activity:{called}")
        again = self.sfn.create_activity(name=called, tags=[{"key": "k", "value": "v"}])
        self.assertEqual((again["activityArn"], again["creationDate"]), (arn, created["creationDate"]))
        self.assertEqual(self.sfn.list_tags_for_resource(resourceArn=arn)["tags"], [])
        key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k", "kmsDataKeyReusePeriodSeconds": 60}
        self.refused_with("ActivityAlreadyExists", f"Activity Already Exists: '{arn}'", self.sfn.create_activity,
                          name=called, encryptionConfiguration=key)
        described = self.sfn.describe_activity(activityArn=arn)
        self.assertEqual((described["name"], described["creationDate"]), (called, created["creationDate"]))
        self.assertEqual(described["encryptionConfiguration"], {"type": "AWS_OWNED_KEY"})
        for _ in range(2):
            self.sfn.delete_activity(activityArn=arn)
        self.refused_with("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'", self.sfn.describe_activity,
                          activityArn=arn)

    def test_names_and_arns_that_are_none_are_refused(self):
        for wrong in ("a b", "a/b", "a:b", "a<b", "a*", "\u0085"):
            self.refused_with("InvalidName", f"Invalid Name: '{wrong}'", self.sfn.create_activity, name=wrong)
        machine = self.machine()["stateMachineArn"]
        for call in (self.sfn.describe_activity, self.sfn.delete_activity):
            self.refused_with("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: x'", call, activityArn="x")
            self.refused("InvalidArn", call, activityArn=machine)

    def test_the_list_is_whole_in_pages_of_any_size(self):
        mine = {self.sfn.create_activity(name=name("activity"))["activityArn"] for _ in range(5)}
        whole = [item["activityArn"] for page in self.pages("list_activities", "activities", 1000) for item in page]
        self.assertLessEqual(mine, set(whole))
        for size in (1, 3):
            pages = self.pages("list_activities", "activities", size)
            self.assertEqual([item["activityArn"] for page in pages for item in page], whole)
        self.refused("InvalidToken", self.sfn.list_activities, nextToken="x")


class Tags(Case):
    def tags(self, arn):
        return [(tag["key"], tag["value"]) for tag in self.sfn.list_tags_for_resource(resourceArn=arn)["tags"]]

    def tag(self, arn, *pairs):
        self.sfn.tag_resource(resourceArn=arn, tags=[{"key": key, "value": value} for key, value in pairs])

    def test_tags_come_and_go(self):
        pairs = [{"key": "z", "value": "1"}, {"key": "a", "value": ""}]
        machine = self.machine(tags=pairs)["stateMachineArn"]
        activity = self.sfn.create_activity(name=name("activity"), tags=pairs)["activityArn"]
        for arn in (machine, activity):
            self.assertEqual(self.tags(arn), [("z", "1"), ("a", "")])
            self.tag(arn, ("a", "größe"), ("m", "3"))
            self.assertEqual(self.tags(arn), [("z", "1"), ("a", "größe"), ("m", "3")])
            self.sfn.untag_resource(resourceArn=arn, tagKeys=["z", "none"])
            self.assertEqual(self.tags(arn), [("a", "größe"), ("m", "3")])
            self.tag(arn)
            self.sfn.untag_resource(resourceArn=arn, tagKeys=[])
            self.assertEqual(len(self.tags(arn)), 2)

    def test_there_are_fifty_at_most(self):
        arn = self.machine()["stateMachineArn"]
        self.tag(arn, *((f"k{number}", "v") for number in range(50)))
        self.tag(arn, ("k7", "another value"))
        error = self.refused("TooManyTags", self.sfn.tag_resource, resourceArn=arn, tags=[{"key": "x", "value": "v"}])
        self.assertEqual(error["resourceName"], arn)
        self.assertEqual(len(self.tags(arn)), 50)

    def test_only_state_machines_and_activities_have_tags(self):
        created = self.machine(publish=True)
        version = created["stateMachineVersionArn"]
        missing = f"arn:aws:states:{REGION}:{ACCOUNT}:activity:none"
        calls = [
            (self.sfn.tag_resource, {"tags": [{"key": "k", "value": "v"}]}),
            (self.sfn.untag_resource, {"tagKeys": ["k"]}),
            (self.sfn.list_tags_for_resource, {}),
        ]
        for call, more in calls:
            for arn in (version, missing):
                error = self.refused("ResourceNotFound", call, resourceArn=arn, **more)
                self.assertEqual(error["Error"]["Message"], f"Resource not found: '{arn}'")
                self.assertEqual(error["resourceName"], arn)
            self.refused("InvalidArn", call, resourceArn="x", **more)
            execution = version.replace(":stateMachine:", ":execution:")
            self.refused("InvalidArn", call, resourceArn=execution, **more)
