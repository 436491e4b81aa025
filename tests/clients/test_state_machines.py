"""State machines: created, described, updated, listed, deleted, and told from one another."""
from support import ACCOUNT, PASS, REGION, ROLE, WAIT, Case, comment, name, raw

NOWHERE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:nowhere"
LOG_GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vendedlogs/states/g:*"
LOGGING = {
    "level": "ERROR",
    "includeExecutionData": True,
    "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": LOG_GROUP}}],
}


class StateMachines(Case):
    def test_one_is_described_as_it_was_created(self):
        called = name("machine")
        created = self.sfn.create_state_machine(
            name=called, definition=PASS, roleArn=ROLE, type="EXPRESS", loggingConfiguration=LOGGING,
            tracingConfiguration={"enabled": True}, encryptionConfiguration={"type": "AWS_OWNED_KEY"},
        )
        arn = created["stateMachineArn"]
        self.assertEqual(arn, f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{called}")
        self.assertNotIn("stateMachineVersionArn", created)
        described = self.sfn.describe_state_machine(stateMachineArn=arn)
        del described["ResponseMetadata"]
        self.assertEqual(described, {
            "stateMachineArn": arn, "name": called, "status": "ACTIVE", "definition": PASS, "roleArn": ROLE,
            "type": "EXPRESS", "creationDate": created["creationDate"], "loggingConfiguration": LOGGING,
            "tracingConfiguration": {"enabled": True}, "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        })
        hidden = self.sfn.describe_state_machine(stateMachineArn=arn, includedData="METADATA_ONLY")
        self.assertEqual(hidden["definition"], "{}")

    def test_a_second_creation_must_ask_for_the_same(self):
        arguments = {"name": name("machine"), "definition": PASS, "roleArn": ROLE, "publish": True,
                     "versionDescription": "first"}
        created = self.sfn.create_state_machine(**arguments)
        other_role = {**arguments, "roleArn": ROLE + "2", "tags": [{"key": "k", "value": "v"}]}
        for again in (arguments, other_role):
            repeated = self.sfn.create_state_machine(**again)
            for member in ("stateMachineArn", "stateMachineVersionArn", "creationDate"):
                self.assertEqual(repeated[member], created[member])
        self.assertEqual(self.sfn.list_tags_for_resource(resourceArn=created["stateMachineArn"])["tags"], [])
        message = f"State Machine Already Exists: '{created['stateMachineArn']}'"
        for change in (
            {"definition": comment("other")}, {"type": "EXPRESS"}, {"tracingConfiguration": {"enabled": True}},
            {"loggingConfiguration": LOGGING}, {"versionDescription": "second"},
            {"publish": False, "versionDescription": None},
        ):
            with self.subTest(change=change):
                call = self.sfn.create_state_machine
                self.refused_with("StateMachineAlreadyExists", message, call, **{**arguments, **change})

    def test_a_creation_that_is_wrong_is_refused(self):
        create = lambda **change: {"name": name("m"), "definition": PASS, "roleArn": ROLE, **change}
        destination = "Invalid Logging Configuration: Must specify exactly one Log Destination."
        for change, code, message in [
            ({"name": "a b"}, "InvalidName", "Invalid Name: 'a b'"),
            ({"roleArn": "nobody"}, "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: nobody'"),
            ({"definition": '{"StartAt": "P"}'}, "InvalidDefinition",
             "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'"),
            ({"loggingConfiguration": {"level": "ALL"}}, "InvalidLoggingConfiguration", destination),
            ({"loggingConfiguration": {"destinations": LOGGING["destinations"] * 2}}, "InvalidLoggingConfiguration",
             destination),
            ({"versionDescription": "x"}, "ValidationException",
             "Version description can only be set when publish is true"),
        ]:
            with self.subTest(change=change):
                self.refused_with(code, message, self.sfn.create_state_machine, **create(**change))
        key = {"encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY"}}
        self.refused("InvalidEncryptionConfiguration", self.sfn.create_state_machine, **create(**key))
        tags = {"tags": [{"key": str(number), "value": ""} for number in range(51)]}
        self.refused("TooManyTags", self.sfn.create_state_machine, **create(**tags))

    def test_an_update_makes_a_revision_if_it_changes_something(self):
        arn = self.machine()["stateMachineArn"]
        self.assertNotIn("revisionId", self.sfn.describe_state_machine(stateMachineArn=arn))
        same = self.sfn.update_state_machine(stateMachineArn=arn, definition=PASS)
        self.assertNotIn("revisionId", same)
        first = self.sfn.update_state_machine(stateMachineArn=arn, roleArn=ROLE + "2")
        described = self.sfn.describe_state_machine(stateMachineArn=arn)
        self.assertEqual((described["revisionId"], described["roleArn"]), (first["revisionId"], ROLE + "2"))
        again = self.sfn.update_state_machine(stateMachineArn=arn, definition=PASS, roleArn=ROLE + "2")
        self.assertEqual(again["revisionId"], first["revisionId"])
        second = self.sfn.update_state_machine(stateMachineArn=arn, loggingConfiguration=LOGGING)
        self.assertNotEqual(second["revisionId"], first["revisionId"])
        third = self.sfn.update_state_machine(stateMachineArn=arn, tracingConfiguration={"enabled": True})
        described = self.sfn.describe_state_machine(stateMachineArn=arn)
        self.assertEqual(described["revisionId"], third["revisionId"])
        self.assertEqual(described["loggingConfiguration"], LOGGING, "what is not named stays")
        self.assertEqual(described["tracingConfiguration"], {"enabled": True})

    def test_an_update_that_is_wrong_is_refused_and_changes_nothing(self):
        arn = self.machine()["stateMachineArn"]
        update = self.sfn.update_state_machine
        self.refused_with(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
            "specified",
            update, stateMachineArn=arn, publish=True,
        )
        self.refused_with("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{NOWHERE}'", update,
                          stateMachineArn=NOWHERE, definition=PASS)
        self.refused("InvalidDefinition", update, stateMachineArn=arn, definition="{}")
        self.refused("InvalidLoggingConfiguration", update, stateMachineArn=arn, loggingConfiguration={"level": "ALL"})
        self.refused("InvalidArn", update, stateMachineArn="m", definition=PASS)
        self.refused("ValidationException", update, stateMachineArn=arn + ":1", definition=PASS)
        labeled = self.refused("ValidationException", update, stateMachineArn=arn + "/label", definition=PASS)
        self.assertEqual(labeled["reason"], "API_DOES_NOT_SUPPORT_LABELED_ARNS")
        self.refused_with("ValidationException", "Version description can only be set when publish is true", update,
                          stateMachineArn=arn, definition=PASS, versionDescription="x")
        self.assertNotIn("revisionId", self.sfn.describe_state_machine(stateMachineArn=arn))

    def test_what_runs_keeps_what_it_was_started_with(self):
        arn = self.machine(WAIT)["stateMachineArn"]
        execution = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        for_execution = self.sfn.describe_state_machine_for_execution
        before = for_execution(executionArn=execution)
        updated = self.sfn.update_state_machine(stateMachineArn=arn, definition=PASS, roleArn=ROLE + "2")
        after = for_execution(executionArn=execution)
        del before["ResponseMetadata"], after["ResponseMetadata"]
        self.assertEqual(after, before)
        self.assertEqual((after["definition"], after["roleArn"]), (WAIT, ROLE))
        self.assertNotIn("revisionId", after)
        later = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        described = for_execution(executionArn=later)
        self.assertEqual(described["revisionId"], updated["revisionId"])
        self.assertEqual(described["updateDate"], updated["updateDate"])
        self.assertEqual(self.ended(later)["status"], "SUCCEEDED")
        self.sfn.stop_execution(executionArn=execution)

    def test_the_list_is_whole_in_pages_of_any_size(self):
        mine = {self.machine()["stateMachineArn"] for _ in range(5)}
        whole = [item["stateMachineArn"] for page in self.pages("list_state_machines", "stateMachines", 1000)
                 for item in page]
        self.assertEqual(whole, sorted(whole))
        self.assertLessEqual(mine, set(whole))
        paged = self.pages("list_state_machines", "stateMachines", 2)
        self.assertEqual([item["stateMachineArn"] for page in paged for item in page], whole)
        self.assertTrue(all(len(page) == 2 for page in paged[:-1]))
        token = self.sfn.list_state_machines(maxResults=1)["nextToken"]
        invalid = "Invalid Token: 'Invalid token'"
        for wrong in (token[:-1], token + "00", "x", "0" * 32, token[::-1]):
            self.refused_with("InvalidToken", invalid, self.sfn.list_state_machines, nextToken=wrong)
        self.refused_with("InvalidToken", invalid, self.sfn.list_activities, nextToken=token)

    def test_a_deletion_may_be_repeated(self):
        arn = self.machine(publish=True)["stateMachineArn"]
        for _ in range(2):
            self.sfn.delete_state_machine(stateMachineArn=arn)
        missing = f"State Machine Does Not Exist: '{arn}'"
        self.refused_with("StateMachineDoesNotExist", missing, self.sfn.describe_state_machine, stateMachineArn=arn)
        self.refused_with("StateMachineDoesNotExist", missing, self.sfn.start_execution, stateMachineArn=arn)
        self.assertEqual(self.sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"], [])
        self.refused("InvalidArn", self.sfn.delete_state_machine, stateMachineArn="m")
        self.refused_with("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: activity'",
                          self.sfn.delete_state_machine,
                          stateMachineArn=f"arn:aws:states:{REGION}:{ACCOUNT}:activity:a")

    def test_a_deletion_waits_for_what_runs_and_takes_versions_aliases_and_tags_at_once(self):
        created = self.machine(WAIT, publish=True, tags=[{"key": "k", "value": "v"}])
        arn, version = created["stateMachineArn"], created["stateMachineVersionArn"]
        alias = self.sfn.create_state_machine_alias(
            name="live", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}]
        )["stateMachineAliasArn"]
        execution = self.sfn.start_execution(stateMachineArn=alias)["executionArn"]
        self.sfn.delete_state_machine(stateMachineArn=arn)
        self.assertEqual(self.sfn.describe_state_machine(stateMachineArn=arn)["status"], "DELETING")
        self.refused("ResourceNotFound", self.sfn.describe_state_machine_alias, stateMachineAliasArn=alias)
        self.refused("StateMachineDoesNotExist", self.sfn.describe_state_machine, stateMachineArn=version)
        for call in (self.sfn.start_execution, self.sfn.publish_state_machine_version,
                     self.sfn.list_state_machine_aliases):
            self.refused("StateMachineDeleting", call, stateMachineArn=arn)
        self.refused("StateMachineDeleting", self.sfn.create_state_machine, name=arn.rsplit(":")[-1],
                     definition=PASS, roleArn=ROLE)
        self.sfn.stop_execution(executionArn=execution)
        self.refused("StateMachineDoesNotExist", self.sfn.describe_state_machine, stateMachineArn=arn)
        again = self.sfn.create_state_machine(name=arn.rsplit(":")[-1], definition=PASS, roleArn=ROLE, publish=True)
        self.assertEqual(again["stateMachineVersionArn"], version, "numbers start again")
        self.assertEqual(self.sfn.list_tags_for_resource(resourceArn=arn)["tags"], [])

    def test_a_definition_is_validated_without_an_error(self):
        validate = self.sfn.validate_state_machine_definition
        self.assertEqual(validate(definition=PASS)["result"], "OK")
        found = validate(definition='{"StartAt": "P"}')
        self.assertEqual((found["result"], found["truncated"]), ("FAIL", False))
        self.assertEqual(found["diagnostics"], [{
            "severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "location": "/",
            "message": "These fields are required: [States]",
        }])

    def test_a_map_run_is_not_there(self):
        map_run = f"arn:aws:states:{REGION}:{ACCOUNT}:mapRun:m/label:00000000-0000-4000-8000-000000000000"
        for call, more in ((self.sfn.describe_map_run, {}), (self.sfn.update_map_run, {"maxConcurrency": 1})):
            error = self.refused("ResourceNotFound", call, mapRunArn=map_run, **more)
            self.assertEqual(error["resourceName"], map_run)
            self.refused("InvalidArn", call, mapRunArn="m", **more)
        empty = self.refused("ValidationException", self.sfn.update_map_run, mapRunArn=map_run)
        self.assertEqual(empty["reason"], "MISSING_REQUIRED_PARAMETER")
        execution = self.sfn.start_execution(stateMachineArn=self.machine()["stateMachineArn"])["executionArn"]
        self.assertEqual(self.sfn.list_map_runs(executionArn=execution)["mapRuns"], [])
        self.refused("ExecutionDoesNotExist", self.sfn.list_map_runs, executionArn=execution + "x")
        self.refused("InvalidToken", self.sfn.list_map_runs, executionArn=execution, nextToken="x")
        self.refused("ResourceNotFound", self.sfn.list_executions, mapRunArn=map_run)

    def test_region_and_account_are_the_caller_s(self):
        status, answer = raw(
            "CreateActivity", {"name": "a"},
            {"Authorization": "AWS4-HMAC-SHA256 Credential=210987654321/20260101/eu-north-1/states/aws4_request, "
                              "SignedHeaders=host, Signature=0"},
        )
        self.assertEqual((status, answer["activityArn"]), (200, "arn:aws:states:eu-north-1:210987654321:activity:a"))
        self.assertIsInstance(answer["creationDate"], (int, float))
