"""Work outside: activities' workers, task tokens, nested executions, Express, redrives."""
import json, threading

from support import ROLE, Case, client, name


def task(resource, **fields):
    state = {"Type": "Task", "Resource": resource, "End": True, **fields}
    return json.dumps({"StartAt": "T", "States": {"T": state}})


class Tasks(Case):
    def activity(self):
        return self.sfn.create_activity(name=name("activity"))["activityArn"]

    def started(self, definition, **start):
        machine = self.machine(definition=definition)["stateMachineArn"]
        return self.sfn.start_execution(stateMachineArn=machine, **start)["executionArn"]

    def types(self, execution):
        return [event["type"] for event in self.sfn.get_execution_history(executionArn=execution)["events"]]

    def test_workers_take_tasks_in_their_order_and_report_once(self):
        activity = self.activity()
        machine = self.machine(definition=task(activity, Parameters={"n.$": "$", "token.$": "$$.Task.Token"}))
        executions = []
        for number in range(3):
            started = self.sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=str(number))
            executions.append(started["executionArn"])
        for number, execution in enumerate(executions):
            given = self.sfn.get_activity_task(activityArn=activity, workerName=f"w{number}")
            token = given["taskToken"]
            self.assertEqual(json.loads(given["input"]), {"n": number, "token": token})
            self.sfn.send_task_heartbeat(taskToken=token)
            self.sfn.send_task_success(taskToken=token, output='{"done": 1.0}')
            self.assertEqual(self.sfn.describe_execution(executionArn=execution)["output"], '{"done": 1.0}')
            self.assertIn("ActivityStarted", self.types(execution))
            self.refused("TaskTimedOut", self.sfn.send_task_success, taskToken=token, output="{}")

    def test_a_worker_that_waits_is_given_the_next_task(self):
        activity, given = self.activity(), {}
        worker = threading.Thread(target=lambda: given.update(client().get_activity_task(activityArn=activity)))
        worker.start()
        execution = self.started(task(activity), input="7")
        worker.join()
        self.assertEqual(given["input"], "7")
        self.sfn.send_task_failure(taskToken=given["taskToken"], error="Bad", cause="because")
        described = self.sfn.describe_execution(executionArn=execution)
        self.assertEqual((described["status"], described["error"], described["cause"]), ("FAILED", "Bad", "because"))

    def test_a_nested_start_that_is_tested_is_made(self):
        child = self.machine()["stateMachineArn"]
        parameters = {"StateMachineArn": child, "Name": name("tested"), "Input": {"n": 1.0}}
        state = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "Parameters": parameters, "End": True}
        test = lambda: self.sfn.test_state(definition=json.dumps(state), roleArn=ROLE)
        tested = test()
        self.assertEqual(tested["status"], "SUCCEEDED", tested)
        output = json.loads(tested["output"])
        self.assertEqual(sorted(output), ["ExecutionArn", "SdkHttpMetadata", "SdkResponseMetadata", "StartDate"])
        started = self.ended(output["ExecutionArn"])
        self.assertEqual((started["name"], started["input"]), (parameters["Name"], '{"n":1.0}'))
        again = test()
        self.assertEqual((again["status"], again["error"]), ("FAILED", "StepFunctions.ExecutionAlreadyExistsException"))

    def test_tokens_are_not_to_be_forged(self):
        activity = self.activity()
        self.started(task(activity))
        token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
        forged = token[:-1] + ("0" if token[-1] != "0" else "1")
        for call in (self.sfn.send_task_heartbeat, self.sfn.send_task_failure):
            self.refused_with("InvalidToken", "Invalid Token: 'Invalid token'", call, taskToken=forged)
        self.refused("InvalidOutput", self.sfn.send_task_success, taskToken=token, output="{no")
        self.sfn.send_task_failure(taskToken=token)

    def test_a_parent_waits_for_its_child_and_takes_it_along(self):
        child = self.machine()["stateMachineArn"]
        for pattern, output in ((".sync", "{}"), (".sync:2", {})):
            resource = f"arn:aws:states:::states:startExecution{pattern}"
            parent = self.started(task(resource, Parameters={"StateMachineArn": child}))
            answer = json.loads(self.ended(parent)["output"])
            self.assertEqual((answer["Status"], answer["Output"]), ("SUCCEEDED", output))
        waiting = self.machine(definition=json.dumps(
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}))["stateMachineArn"]
        parent = self.started(task("arn:aws:states:::states:startExecution.sync", Parameters={"StateMachineArn": waiting}))
        while not (children := self.sfn.list_executions(stateMachineArn=waiting)["executions"]):
            pass
        self.sfn.stop_execution(executionArn=parent)
        self.assertEqual(self.ended(children[0]["executionArn"])["status"], "ABORTED")

    def test_a_redrive_goes_on_where_it_failed(self):
        activity = self.activity()
        execution = self.started(task(activity))
        self.refused("ExecutionNotRedrivable", self.sfn.redrive_execution, executionArn=execution)
        self.sfn.send_task_failure(taskToken=self.sfn.get_activity_task(activityArn=activity)["taskToken"])
        redriven = self.sfn.redrive_execution(executionArn=execution, clientToken="once")
        again = self.sfn.redrive_execution(executionArn=execution, clientToken="once")
        self.assertEqual(again["redriveDate"], redriven["redriveDate"])
        token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
        self.sfn.send_task_success(taskToken=token, output="1")
        described = self.sfn.describe_execution(executionArn=execution)
        self.assertEqual((described["status"], described["redriveCount"]), ("SUCCEEDED", 1))
        self.assertEqual(self.types(execution)[5:8], ["ExecutionFailed", "ExecutionRedriven", "ActivityScheduled"])

    def test_an_express_execution_is_answered_with_its_end(self):
        machine = self.machine(type="EXPRESS")["stateMachineArn"]
        ended = self.sfn.start_sync_execution(stateMachineArn=machine, input='{"n": 1.50}', name="e")
        self.assertEqual((ended["status"], ended["output"], ended["name"]), ("SUCCEEDED", '{"n": 1.50}', "e"))
        self.assertGreaterEqual(ended["billingDetails"]["billedDurationInMilliseconds"], 100)
        started = self.sfn.start_execution(stateMachineArn=machine)["executionArn"]
        self.refused("InvalidArn", self.sfn.describe_execution, executionArn=started)
        standard = self.machine()["stateMachineArn"]
        self.refused("StateMachineTypeNotSupported", self.sfn.start_sync_execution, stateMachineArn=standard)
