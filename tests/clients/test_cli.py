"""The AWS CLI's main flow, as the README shows it; skipped loudly where there is no AWS CLI."""
import json, os, shutil, subprocess, sys, unittest

from support import ACCOUNT, ENDPOINT, PASS, REGION, ROLE, WAIT, Case, name

AWS = shutil.which("aws")
CALL_SECONDS = 60
ENVIRONMENT = {
    **os.environ,
    "AWS_ENDPOINT_URL": ENDPOINT,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_PAGER": "",
    # StartSyncExecution and TestState would go to a host whose name begins with `sync-`.
    "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
}


class Cli(Case):
    def setUp(self):
        if not AWS:
            print("!! SKIPPED: there is no AWS CLI here", file=sys.stderr)
            self.skipTest("there is no AWS CLI here")

    def call(self, *arguments):
        command = [AWS, "stepfunctions", *arguments, "--output", "json"]
        return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=CALL_SECONDS)

    def aws(self, *arguments):
        """The answer of a command that must not fail."""
        done = self.call(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout) if done.stdout else None

    def create(self, definition, *more):
        return self.aws("create-state-machine", "--name", name("cli"), "--role-arn", ROLE, "--definition", definition,
                        *more)["stateMachineArn"]

    def test_from_a_definition_to_a_history(self):
        machine = self.create(PASS)
        started = self.aws("start-execution", "--state-machine-arn", machine, "--name", "first", "--input", '{"n": 1.0}')
        self.ended(started["executionArn"])
        described = self.aws("describe-execution", "--execution-arn", started["executionArn"])
        self.assertEqual((described["status"], described["output"]), ("SUCCEEDED", '{"n": 1.0}'))
        history = ["get-execution-history", "--execution-arn", started["executionArn"]]
        events = self.aws(*history)["events"]
        self.assertEqual([event["type"] for event in events],
                         ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"])
        self.assertEqual(self.aws(*history, "--page-size", "1")["events"], events, "the CLI turns the pages itself")
        first = self.aws(*history, "--max-items", "3")
        rest = self.aws(*history, "--starting-token", first["NextToken"])
        self.assertEqual(first["events"] + rest["events"], events)
        listed = self.aws("list-executions", "--state-machine-arn", machine, "--query", "executions[].name")
        self.assertEqual(listed, ["first"])

    def test_an_express_execution_is_waited_for(self):
        machine = self.create(PASS, "--type", "EXPRESS")
        ended = self.aws("start-sync-execution", "--state-machine-arn", machine, "--input", "[1, 2]")
        self.assertEqual((ended["status"], ended["output"]), ("SUCCEEDED", "[1, 2]"))
        tested = self.aws("test-state", "--definition", '{"Type": "Pass", "Result": 1, "End": true}', "--role-arn", ROLE)
        self.assertEqual((tested["status"], tested["output"]), ("SUCCEEDED", "1"))

    def test_a_stop_and_a_refusal(self):
        machine = self.create(WAIT)
        execution = self.aws("start-execution", "--state-machine-arn", machine)["executionArn"]
        self.aws("stop-execution", "--execution-arn", execution, "--error", "Enough", "--cause", "it was told to stop")
        described = self.aws("describe-execution", "--execution-arn", execution)
        self.assertEqual((described["status"], described["error"]), ("ABORTED", "Enough"))
        refused = self.call("describe-execution", "--execution-arn", execution + "x")
        self.assertIn(f"(ExecutionDoesNotExist) when calling the DescribeExecution operation: "
                      f"Execution Does Not Exist: '{execution}x'", refused.stderr)
        # What the CLI exits with where the service refuses: 254, and 255 in its first version.
        self.assertIn(refused.returncode, (254, 255))


if __name__ == "__main__":
    unittest.main()
