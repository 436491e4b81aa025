"""Executions as they are looked at: described, listed, their histories, stopped."""
from support import ACCOUNT, PASS, REGION, WAIT, Case, name

EXPRESS = f"arn:aws:states:{REGION}:{ACCOUNT}:express:m:e:u"
NOT_HERE = "Invalid Arn: 'Resource type not valid in this context: express'"


class Executions(Case):
    def start(self, arn, **more):
        return self.sfn.start_execution(stateMachineArn=arn, **more)["executionArn"]

    def test_an_execution_is_described_with_and_without_its_data(self):
        execution = self.start(self.machine()["stateMachineArn"], input='{ "n": 1.50 }')
        described = self.ended(execution)
        self.assertEqual((described["status"], described["output"]), ("SUCCEEDED", '{ "n": 1.50 }'))
        self.assertEqual(described["outputDetails"], {"included": True})
        self.assertEqual((described["redriveCount"], described["redriveStatus"]), (0, "NOT_REDRIVABLE"))
        hidden = self.sfn.describe_execution(executionArn=execution, includedData="METADATA_ONLY")
        for member in ("input", "output"):
            self.assertNotIn(member, hidden)
            self.assertEqual(hidden[member + "Details"], {"included": False})

    def test_lists_are_filtered_and_paged_newest_first(self):
        arn = self.machine()["stateMachineArn"]
        done = [self.start(arn) for _ in range(5)]
        for execution in done:
            self.ended(execution)
        self.sfn.update_state_machine(stateMachineArn=arn, definition=WAIT)
        running = [self.start(arn) for _ in range(3)]
        self.sfn.stop_execution(executionArn=running[1])
        newest_first = (done + running)[::-1]
        for size in (1, 3, 8, 100):
            pages = self.pages("list_executions", "executions", size, stateMachineArn=arn)
            self.assertEqual([item["executionArn"] for page in pages for item in page], newest_first)
        listed = lambda **more: [item["executionArn"] for item in
                                 self.sfn.list_executions(stateMachineArn=arn, **more)["executions"]]
        self.assertEqual(listed(statusFilter="SUCCEEDED"), done[::-1])
        self.assertEqual(listed(statusFilter="RUNNING"), [running[2], running[0]])
        self.assertEqual(listed(statusFilter="ABORTED"), [running[1]])
        self.assertEqual(listed(statusFilter="TIMED_OUT"), [])
        self.assertEqual(listed(redriveFilter="REDRIVEN"), [])
        self.assertEqual(listed(redriveFilter="NOT_REDRIVEN"), newest_first)
        item = self.sfn.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"][0]
        self.assertEqual(
            set(item), {"executionArn", "stateMachineArn", "name", "status", "startDate", "redriveCount"})

        token = self.sfn.list_executions(stateMachineArn=arn, maxResults=2)["nextToken"]
        other = self.machine()["stateMachineArn"]
        for changed in ({"stateMachineArn": other}, {"statusFilter": "RUNNING"}, {"redriveFilter": "NOT_REDRIVEN"}):
            arguments = {"stateMachineArn": arn, "nextToken": token, **changed}
            self.refused_with("InvalidToken", "Invalid Token: 'Invalid token'", self.sfn.list_executions, **arguments)
        for execution in (running[0], running[2]):
            self.sfn.stop_execution(executionArn=execution)

    def test_a_list_that_is_wrong_is_refused(self):
        listing = self.sfn.list_executions
        arn = self.machine()["stateMachineArn"]
        missing = arn + "x"
        self.refused_with("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{missing}'", listing,
                          stateMachineArn=missing)
        self.refused("ValidationException", listing)
        self.refused("ValidationException", listing, stateMachineArn=arn, mapRunArn=arn)
        self.refused("ValidationException", listing, stateMachineArn=arn, statusFilter="PENDING_REDRIVE")
        self.refused("InvalidArn", listing, stateMachineArn="x")
        express = self.machine(type="EXPRESS")["stateMachineArn"]
        self.refused_with("StateMachineTypeNotSupported",
                          "This operation is not supported by this type of state machine", listing,
                          stateMachineArn=express)

    def test_a_history_is_the_same_in_pages_and_in_reverse(self):
        execution = self.start(self.machine()["stateMachineArn"])
        self.ended(execution)
        history = self.sfn.get_execution_history
        whole = history(executionArn=execution)["events"]
        self.assertEqual([event["id"] for event in whole], [1, 2, 3, 4])
        for reverse in (False, True):
            for size in (1, 3, 4, 9):
                pages = self.pages("get_execution_history", "events", size, executionArn=execution,
                                   reverseOrder=reverse)
                events = [event for page in pages for event in page]
                self.assertEqual(events[::-1] if reverse else events, whole)
        hidden = history(executionArn=execution, includeExecutionData=False)["events"]
        self.assertNotIn("input", hidden[0]["executionStartedEventDetails"])
        token = history(executionArn=execution, maxResults=1)["nextToken"]
        self.refused("InvalidToken", history, executionArn=execution, nextToken=token, reverseOrder=True)

    def test_a_stop_says_when_and_is_final(self):
        arn = self.machine(WAIT)["stateMachineArn"]
        called = name()
        execution = self.start(arn, name=called)
        stopped = self.sfn.stop_execution(executionArn=execution, error="Why", cause="because")
        again = self.sfn.stop_execution(executionArn=execution, error="Other")
        self.assertEqual(again["stopDate"], stopped["stopDate"])
        described = self.sfn.describe_execution(executionArn=execution)
        self.assertEqual((described["status"], described["error"], described["cause"]), ("ABORTED", "Why", "because"))
        self.assertEqual(described["stopDate"], stopped["stopDate"])
        self.refused_with("ExecutionAlreadyExists", f"Execution Already Exists: '{execution}'",
                          self.sfn.start_execution, stateMachineArn=arn, name=called)

    def test_a_start_is_repeated_while_it_runs(self):
        arn = self.machine(WAIT)["stateMachineArn"]
        arguments = {"stateMachineArn": arn, "name": name(), "input": '{"a": 1}'}
        first = self.sfn.start_execution(**arguments)
        again = self.sfn.start_execution(**arguments)
        self.assertEqual((again["executionArn"], again["startDate"]), (first["executionArn"], first["startDate"]))
        self.refused("ExecutionAlreadyExists", self.sfn.start_execution, **{**arguments, "input": "{}"})
        self.refused("InvalidName", self.sfn.start_execution, stateMachineArn=arn, name="a b")
        self.refused("InvalidExecutionInput", self.sfn.start_execution, stateMachineArn=arn, input="{")
        self.sfn.stop_execution(executionArn=first["executionArn"])

    def test_what_is_no_execution_of_this_kind_is_refused(self):
        missing = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:m:none"
        for call in (self.sfn.describe_execution, self.sfn.get_execution_history, self.sfn.stop_execution,
                     self.sfn.describe_state_machine_for_execution):
            self.refused_with("ExecutionDoesNotExist", f"Execution Does Not Exist: '{missing}'", call,
                              executionArn=missing)
            self.refused_with("InvalidArn", NOT_HERE, call, executionArn=EXPRESS)
            self.refused_with("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: x'", call, executionArn="x")

    def test_a_definition_that_is_updated_runs_at_once(self):
        arn = self.machine(WAIT)["stateMachineArn"]
        self.sfn.update_state_machine(stateMachineArn=arn, definition=PASS)
        self.assertEqual(self.ended(self.start(arn))["status"], "SUCCEEDED")
