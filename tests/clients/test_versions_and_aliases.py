"""Versions and aliases: published, led to, started through, deleted."""
from collections import Counter

from support import WAIT, Case, comment, name

GONE = "Request references a resource that does not exist."


def route(version, weight=100):
    return {"stateMachineVersionArn": version, "weight": weight}


class Versions(Case):
    def published(self, arn, text):
        """The version of a new revision."""
        return self.sfn.update_state_machine(stateMachineArn=arn, definition=comment(text), publish=True)[
            "stateMachineVersionArn"]

    def versions(self, arn):
        listed = self.sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
        return [version["stateMachineVersionArn"].rsplit(":")[-1] for version in listed]

    def test_a_revision_is_published_once(self):
        arn = self.machine()["stateMachineArn"]
        publish = self.sfn.publish_state_machine_version
        first = publish(stateMachineArn=arn, description="first", revisionId="INITIAL")
        self.assertEqual(first["stateMachineVersionArn"], arn + ":1")
        again = publish(stateMachineArn=arn)
        self.assertEqual(again["stateMachineVersionArn"], arn + ":1")
        self.assertEqual(again["creationDate"], first["creationDate"])
        revision = self.sfn.update_state_machine(stateMachineArn=arn, definition=comment("2"))["revisionId"]
        self.refused_with(
            "ConflictException",
            f"Failed to publish the State Machine version for revision INITIAL. The current State Machine revision is "
            f"{revision}.",
            publish, stateMachineArn=arn, revisionId="INITIAL",
        )
        self.assertEqual(publish(stateMachineArn=arn, revisionId=revision)["stateMachineVersionArn"], arn + ":2")
        self.assertEqual(self.versions(arn), ["2", "1"])

    def test_a_number_is_never_given_twice(self):
        arn = self.machine(publish=True)["stateMachineArn"]
        self.published(arn, "2")
        for _ in range(2):
            self.sfn.delete_state_machine_version(stateMachineVersionArn=arn + ":2")
        published = self.sfn.publish_state_machine_version(stateMachineArn=arn)
        self.assertEqual(published["stateMachineVersionArn"], arn + ":3")
        self.assertEqual(self.versions(arn), ["3", "1"])

    def test_a_version_stays_what_it_was(self):
        arn = self.machine(publish=True, versionDescription="first")["stateMachineArn"]
        whole = self.sfn.describe_state_machine(stateMachineArn=arn)
        second = self.published(arn, "2")
        described = self.sfn.describe_state_machine(stateMachineArn=arn + ":1")
        self.assertEqual(described["definition"], whole["definition"])
        self.assertEqual((described["stateMachineArn"], described["name"]), (arn + ":1", whole["name"]))
        self.assertEqual(described["description"], "first")
        self.assertNotIn("revisionId", described)
        described = self.sfn.describe_state_machine(stateMachineArn=second)
        self.assertEqual(described["definition"], comment("2"))
        self.assertNotIn("description", described)
        self.assertIn("revisionId", described)
        self.refused_with("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}:9'",
                          self.sfn.describe_state_machine, stateMachineArn=arn + ":9")

    def test_versions_are_listed_newest_first_in_pages_of_any_size(self):
        arn = self.machine(publish=True)["stateMachineArn"]
        for number in range(2, 6):
            self.published(arn, str(number))
        for size in (1, 2, 5, 9):
            pages = self.pages("list_state_machine_versions", "stateMachineVersions", size, stateMachineArn=arn)
            listed = [version["stateMachineVersionArn"] for page in pages for version in page]
            self.assertEqual(listed, [f"{arn}:{number}" for number in range(5, 0, -1)])
        self.refused("InvalidToken", self.sfn.list_state_machine_versions, stateMachineArn=arn, nextToken="x")

    def test_what_is_no_version_is_refused(self):
        arn = self.machine()["stateMachineArn"]
        delete = self.sfn.delete_state_machine_version
        for wrong in (arn, arn + ":live", "x"):
            self.refused("InvalidArn", delete, stateMachineVersionArn=wrong)
        publish = self.sfn.publish_state_machine_version
        self.refused_with("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: x'", publish, stateMachineArn="x")
        self.refused("StateMachineDoesNotExist", publish, stateMachineArn=arn + "x")
        self.refused("ValidationException", publish, stateMachineArn=arn + ":1")


class Aliases(Case):
    def setUp(self):
        self.arn = self.machine(publish=True)["stateMachineArn"]
        updated = self.sfn.update_state_machine(stateMachineArn=self.arn, definition=comment("2"), publish=True)
        self.first, self.second = self.arn + ":1", updated["stateMachineVersionArn"]

    def create(self, called, *routes, **more):
        return self.sfn.create_state_machine_alias(name=called, routingConfiguration=list(routes), **more)

    def test_an_alias_is_described_as_it_was_created_and_changed(self):
        created = self.create("live", route(self.first), description="d")
        arn = created["stateMachineAliasArn"]
        self.assertEqual(arn, self.arn + ":live")
        describe = lambda: self.sfn.describe_state_machine_alias(stateMachineAliasArn=arn)
        described = describe()
        self.assertEqual((described["name"], described["description"]), ("live", "d"))
        self.assertEqual(described["routingConfiguration"], [route(self.first)])
        self.assertEqual(described["creationDate"], created["creationDate"])
        both = [route(self.second, 60), route(self.first, 40)]
        updated = self.sfn.update_state_machine_alias(stateMachineAliasArn=arn, routingConfiguration=both)
        described = describe()
        self.assertEqual((described["routingConfiguration"], described["description"]), (both, "d"))
        self.assertEqual(described["updateDate"], updated["updateDate"])
        self.sfn.update_state_machine_alias(stateMachineAliasArn=arn, description="")
        self.assertEqual(describe()["description"], "")
        self.assertEqual(self.sfn.describe_state_machine(stateMachineArn=arn)["definition"], comment("2"))

    def test_a_second_creation_must_ask_for_the_same(self):
        created = self.create("live", route(self.first))
        self.assertEqual(self.create("live", route(self.first))["creationDate"], created["creationDate"])
        create = self.sfn.create_state_machine_alias
        self.refused("ConflictException", create, name="live", routingConfiguration=[route(self.second)])
        self.refused("ConflictException", create, name="live", routingConfiguration=[route(self.first)],
                     description="d")

    def test_a_routing_that_is_wrong_is_refused(self):
        other = self.machine(publish=True)["stateMachineVersionArn"]
        first, second = self.first, self.second
        for routes, message in [
            ([route(first, 70), route(second, 29)],
             "Sum of routing configuration weights must equal 100. Received: [70, 29]"),
            ([route(first, 50), route(first, 50)],
             f"Routing configuration must contain distinct state machine version ARNs. Received: [{first}, {first}]"),
            ([route(self.arn)], f"Routing configuration must contain state machine version ARNs. Received: [{self.arn}]"),
            ([route(first, 50), route(other, 50)],
             f"Routing configuration must contain versions of one state machine. Received: [{first}, {other}]"),
        ]:
            error = self.refused("ValidationException", self.sfn.create_state_machine_alias, name="wrong",
                                 routingConfiguration=routes)
            self.assertEqual(error["Error"]["Message"], message)
            self.assertEqual(error["reason"], "INVALID_ROUTING_CONFIGURATION")
        create = self.sfn.create_state_machine_alias
        self.refused_with("ResourceNotFound", GONE, create, name="n", routingConfiguration=[route(self.arn + ":9")])
        alias = self.create("live", route(first))["stateMachineAliasArn"]
        update = self.sfn.update_state_machine_alias
        error = self.refused("ValidationException", update, stateMachineAliasArn=alias)
        self.assertEqual(error["reason"], "MISSING_REQUIRED_PARAMETER")
        self.refused("ValidationException", update, stateMachineAliasArn=alias, routingConfiguration=[route(other)])
        for call in (self.sfn.describe_state_machine_alias, update):
            more = {"description": "d"} if call is update else {}
            self.refused_with("ResourceNotFound", GONE, call, stateMachineAliasArn=self.arn + ":none", **more)
            self.refused("InvalidArn", call, stateMachineAliasArn=self.arn, **more)

    def test_aliases_are_listed_of_a_state_machine_and_of_a_version(self):
        self.create("b", route(self.first))
        self.create("a", route(self.second, 99), route(self.first, 1))
        self.create("c", route(self.second))
        names = lambda **arguments: [
            alias["stateMachineAliasArn"].rsplit(":")[-1]
            for page in self.pages("list_state_machine_aliases", "stateMachineAliases", **arguments)
            for alias in page
        ]
        for size in (1, 2, 3):
            self.assertEqual(names(size=size, stateMachineArn=self.arn), ["a", "b", "c"])
        self.assertEqual(names(size=1, stateMachineArn=self.first), ["a", "b"])
        self.assertEqual(names(size=1, stateMachineArn=self.second), ["a", "c"])
        listing = self.sfn.list_state_machine_aliases
        self.refused("StateMachineDoesNotExist", listing, stateMachineArn=self.arn + "x")
        self.refused("InvalidToken", listing, stateMachineArn=self.arn, nextToken="x")

    def test_a_version_that_an_alias_leads_to_is_not_deleted(self):
        for called in ("b", "a"):
            self.create(called, route(self.first))
        delete = self.sfn.delete_state_machine_version
        self.refused_with(
            "ConflictException",
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this "
            "version: [a, b]",
            delete, stateMachineVersionArn=self.first,
        )
        for called in ("a", "b", "none"):
            self.sfn.delete_state_machine_alias(stateMachineAliasArn=f"{self.arn}:{called}")
        delete(stateMachineVersionArn=self.first)
        self.refused("InvalidArn", self.sfn.delete_state_machine_alias, stateMachineAliasArn=self.arn)

    def test_executions_know_what_they_were_started_through(self):
        alias = self.create("live", route(self.first))["stateMachineAliasArn"]
        start = lambda arn: self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        plain, versioned, aliased = start(self.arn), start(self.second), start(alias)
        for execution, version, through, definition in [
            (plain, None, None, comment("2")), (versioned, self.second, None, comment("2")),
            (aliased, self.first, alias, None),
        ]:
            described = self.ended(execution)
            self.assertEqual(described["stateMachineArn"], self.arn)
            self.assertEqual(described.get("stateMachineVersionArn"), version)
            self.assertEqual(described.get("stateMachineAliasArn"), through)
            started = self.sfn.get_execution_history(executionArn=execution)["events"][0]
            details = started["executionStartedEventDetails"]
            self.assertEqual(details.get("stateMachineVersionArn"), version)
            self.assertEqual(details.get("stateMachineAliasArn"), through)
            if definition:
                found = self.sfn.describe_state_machine_for_execution(executionArn=execution)
                self.assertEqual(found["definition"], definition)
        listed = lambda arn: [item["executionArn"] for item in
                              self.sfn.list_executions(stateMachineArn=arn)["executions"]]
        self.assertEqual(listed(self.arn), [aliased, versioned, plain])
        self.assertEqual((listed(self.first), listed(self.second), listed(alias)), ([aliased], [versioned], [aliased]))
        item = self.sfn.list_executions(stateMachineArn=alias)["executions"][0]
        self.assertEqual((item["stateMachineVersionArn"], item["stateMachineAliasArn"]), (self.first, alias))
        self.refused("ResourceNotFound", self.sfn.list_executions, stateMachineArn=self.arn + ":9")
        for missing in (":9", ":none"):
            self.refused_with("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{self.arn}{missing}'",
                              self.sfn.start_execution, stateMachineArn=self.arn + missing)

    def test_an_alias_distributes_by_its_weights(self):
        alias = self.create("split", route(self.first, 50), route(self.second, 50))["stateMachineAliasArn"]
        executions = [self.sfn.start_execution(stateMachineArn=alias)["executionArn"] for _ in range(60)]
        counts = Counter(self.ended(execution)["stateMachineVersionArn"] for execution in executions)
        # By chance, one of two is picked for all of 60 once in 10^18 times.
        self.assertEqual(set(counts), {self.first, self.second})
        routes = [route(self.first, 0), route(self.second, 100)]
        self.sfn.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=routes)
        for _ in range(10):
            execution = self.sfn.start_execution(stateMachineArn=alias)["executionArn"]
            self.assertEqual(self.ended(execution)["stateMachineVersionArn"], self.second)

    def test_a_deleted_version_s_executions_go_on(self):
        version = self.machine(WAIT, publish=True)["stateMachineVersionArn"]
        execution = self.sfn.start_execution(stateMachineArn=version, name=name())["executionArn"]
        self.sfn.delete_state_machine_version(stateMachineVersionArn=version)
        described = self.sfn.describe_execution(executionArn=execution)
        self.assertEqual((described["status"], described["stateMachineVersionArn"]), ("RUNNING", version))
        self.assertEqual(self.sfn.describe_state_machine_for_execution(executionArn=execution)["definition"], WAIT)
        self.sfn.stop_execution(executionArn=execution)
