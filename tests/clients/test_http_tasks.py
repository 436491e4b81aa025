"""HTTP Tasks against a server of HTTP: what it is sent, what comes of its answers, and what `TestState` shows of both."""
import http.server, json, os, pathlib, tempfile, threading

import boto3

from server import Server
from support import ACCOUNT, REGION, ROLE, Case, name

SETTINGS = '[http]\nallow_private = true\n\n[connections.partner]\nheaders = { Authorization = "Bearer 5ecret" }\n'
CONNECTION = f"arn:aws:events:{REGION}:{ACCOUNT}:connection/partner/0b1c"
LARGE_BYTES = 300_000


class Partner(http.server.BaseHTTPRequestHandler):
    """Says what it was sent; or what its path says it should."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        sent = {"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}
        path = self.path.split("?")[0]
        status, kind, answer = {
            "/busy": (503, "text/plain", "come again"),
            "/moved": (302, "text/plain", ""),
            "/text": (200, "text/plain", "plain"),
            "/large": (200, "text/plain", "x" * LARGE_BYTES),
        }.get(path, (200, "application/json", json.dumps(sent)))
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/text")
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class HttpTasks(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        partner = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Partner)
        threading.Thread(target=partner.serve_forever, daemon=True).start()
        cls.addClassCleanup(partner.server_close)
        cls.addClassCleanup(partner.shutdown)
        cls.url = f"http://127.0.0.1:{partner.server_port}"
        data = tempfile.TemporaryDirectory()
        cls.addClassCleanup(data.cleanup)
        pathlib.Path(data.name, "darkroom.toml").write_text(SETTINGS)
        server = Server(os.environ["DARKROOM_BINARY"], data.name)
        cls.addClassCleanup(server.stop)
        config = boto3.session.Config(inject_host_prefix=False)
        cls.open = boto3.client("stepfunctions", endpoint_url=server.endpoint, region_name=REGION, config=config,
                                aws_access_key_id="any", aws_secret_access_key="any")

    def state(self, path="/", method="GET", **parameters):
        given = {"ApiEndpoint": self.url + path, "Method": method, "Authentication": {"ConnectionArn": CONNECTION}, **parameters}
        return {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": given, "End": True}

    def trial(self, state, sfn=None, **how):
        return (sfn or self.open).test_state(definition=json.dumps(state), roleArn=ROLE, **how)

    def test_a_call_is_sent_as_it_is_described(self):
        body = {"a": [1, "b c"], "o": {"x": True}}
        form = {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": "REPEAT"}}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Own": "1"}
        for fields, path, sent, kind in (
            ({"QueryParameters": {"q": ["1", "2 3"]}}, "/echo?q=1&q=2%203", "", None),
            ({"method": "POST", "RequestBody": body}, "/echo", json.dumps(body, separators=(",", ":")), "application/json"),
            ({"method": "PUT", "RequestBody": body, "Transform": form, "Headers": headers}, "/echo",
             "a=1&a=b%20c&o[x]=true", "application/x-www-form-urlencoded"),
        ):
            with self.subTest(fields):
                definition = json.dumps({"StartAt": "Call", "States": {"Call": self.state("/echo", **fields)}})
                machine = self.open.create_state_machine(name=name("http"), definition=definition, roleArn=ROLE)
                execution = self.open.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
                while (ended := self.open.describe_execution(executionArn=execution))["status"] == "RUNNING":
                    pass
                output = json.loads(ended["output"])
                self.assertEqual((output["StatusCode"], output["StatusText"]), (200, "OK"))
                self.assertEqual(output["Headers"]["content-type"], ["application/json"])
                heard = output["ResponseBody"]
                self.assertEqual((heard["path"], heard["body"], heard["method"]), (path, sent, fields.get("method", "GET")))
                self.assertEqual(heard["headers"].get("content-type"), kind)
                self.assertEqual(heard["headers"]["authorization"], "Bearer 5ecret")
                self.assertEqual(heard["headers"].get("x-own"), "1" if "Headers" in fields else None)

    def test_what_an_answer_comes_to(self):
        self.assertEqual(json.loads(self.trial(self.state("/text"))["output"])["ResponseBody"], "plain")
        for path, error, cause in (
            ("/busy", "States.Http.StatusCode.503", "come again"),
            # Nobody goes where an answer says.
            ("/moved", "States.Http.StatusCode.302", "Found"),
            ("/large", "States.Http.Socket", "length limit exceeded"),
        ):
            failed = self.trial(self.state(path))
            self.assertEqual((failed["status"], failed["error"]), ("FAILED", error))
            self.assertIn(cause, failed["cause"])

    def test_what_a_state_machine_may_not_do(self):
        unknown = CONNECTION.replace("partner", "nobody")
        for fields, error in (
            ({"Headers": {"Authorization": "mine"}}, "States.Runtime"),
            ({"method": "TRACE"}, "States.Runtime"),
            ({"Authentication": {"ConnectionArn": unknown}}, "EventBridge.ResourceNotFoundException"),
        ):
            self.assertEqual(self.trial(self.state(**fields))["error"], error, fields)
        elsewhere = self.trial(self.state(), self.sfn, inspectionLevel="TRACE")
        self.assertEqual(elsewhere["error"], "States.Http.Socket", "no private address where none is allowed")
        self.assertNotIn("request", elsewhere["inspectionData"])

    def test_a_trace_shows_what_was_sent_and_received(self):
        state = self.state("/echo", "POST", RequestBody={"n": 1.0}, QueryParameters={"q": "1"})
        data = self.trial(state, inspectionLevel="TRACE")["inspectionData"]
        request, response = data["request"], data["response"]
        self.assertEqual((request["protocol"], request["method"], request["url"]), ("http", "POST", self.url + "/echo?q=1"))
        self.assertEqual(request["body"], '{"n":1.0}')
        self.assertEqual(request["headers"], "[user-agent: Amazon|StepFunctions|HttpInvoke|us-east-1, "
                                             "range: bytes=0-262144, content-type: application/json]")
        self.assertEqual((response["protocol"], response["statusCode"], response["statusMessage"]), ("http", "200", "OK"))
        self.assertIn("content-type: application/json", response["headers"])
        self.assertEqual(json.loads(response["body"])["headers"]["authorization"], "Bearer 5ecret", "it was sent all the same")

        revealed = self.trial(state, inspectionLevel="TRACE", revealSecrets=True)["inspectionData"]
        self.assertIn("authorization: Bearer 5ecret", revealed["request"]["headers"])
        failed = self.trial(self.state("/busy"), inspectionLevel="TRACE")["inspectionData"]
        self.assertEqual((failed["response"]["statusCode"], failed["response"]["body"]), ("503", "come again"))
        self.assertNotIn("request", self.trial(state, inspectionLevel="DEBUG")["inspectionData"])
