//! The image platform of a server, from outside: an upload is all that it takes, whatever crashes; what failed can be
//! redriven; and each role allows what is needed and no more.

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Workspace, examples, photo_with_comment, text};

/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_mins(1);
const OWNER: &str = "arn:aws:states:us-east-1:000000000000";
const MACHINE: &str = "darkroom-image-processing";
/// What AWS's refusals say.
const NOT_ALLOWED: &str = "is not authorized to perform";

/// A server, killed at the end of its test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(workspace: &Workspace) -> Self {
        let mut child = workspace
            .darkroom(&["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://").expect("the address").to_owned();
        Self { child, address }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A request's status and body.
    fn send(&self, request: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        )
        .ok()?;
        for (name, value) in headers {
            write!(stream, "{name}: {value}\r\n").ok()?;
        }
        stream.write_all(b"\r\n").ok()?;
        stream.write_all(body).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn put(&self, key: &str, content: &[u8]) {
        let answer = self.send(&format!("PUT /darkroom-input/{key}"), &[], content);
        assert!(matches!(answer, Some((200, _))), "{key}: {answer:?}");
    }

    fn call(&self, target: &str, input: &Value) -> Option<(u16, Value)> {
        let (status, body) =
            self.send("POST /", &[("X-Amz-Target", target)], input.to_string().as_bytes())?;
        Some((status, serde_json::from_str(&body).ok()?))
    }

    fn ok(&self, target: &str, input: &Value) -> Value {
        let (status, output) = self.call(target, input).expect("an answer");
        assert_eq!(status, 200, "{target}: {output}");
        output
    }

    /// The image's execution, once it has ended.
    fn ended(&self, image: &str) -> Value {
        let arn = format!("{OWNER}:execution:{MACHINE}:image-processing-{image}");
        let began = Instant::now();
        loop {
            let (_, execution) = self
                .call("AWSStepFunctions.DescribeExecution", &json!({ "executionArn": arn }))
                .expect("an answer");
            match execution["status"].as_str() {
                // It has not begun yet.
                Some("RUNNING") | None => {}
                Some(_) => return execution,
            }
            assert!(began.elapsed() < PATIENCE, "{image} does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn history(&self, image: &str) -> String {
        self.history_of(&json!(format!("{OWNER}:execution:{MACHINE}:image-processing-{image}")))
    }

    fn history_of(&self, arn: &Value) -> String {
        self.ok("AWSStepFunctions.GetExecutionHistory", &json!({ "executionArn": arn })).to_string()
    }

    fn record(&self, image: &str) -> Value {
        let key = json!({ "imageId": { "S": image }, "userId": { "S": "ann" } });
        let input = json!({ "TableName": "darkroom-images", "Key": key });
        self.ok("DynamoDB_20120810.GetItem", &input)["Item"].clone()
    }

    /// The image workflow's executions.
    fn executions(&self) -> Vec<Value> {
        self.executions_of(MACHINE)
    }

    fn executions_of(&self, machine: &str) -> Vec<Value> {
        let input =
            json!({ "stateMachineArn": format!("{OWNER}:stateMachine:{machine}"), "maxResults": 1000 });
        let listed = self.ok("AWSStepFunctions.ListExecutions", &input);
        listed["executions"].as_array().expect("executions").clone()
    }

    /// Waits until so many uploads have been seen to; what was not allowed, if anything was.
    fn seen_to(&self, uploads: usize) -> Option<String> {
        let began = Instant::now();
        loop {
            let executions = self.executions_of("darkroom-upload");
            for execution in &executions {
                let history = self.history_of(&execution["executionArn"]);
                if history.contains(NOT_ALLOWED) {
                    return Some("an upload is not seen to".to_owned());
                }
            }
            // Each upload's event sets off one, which starts another.
            if executions.iter().filter(|execution| execution["status"] != "RUNNING").count() == 2 * uploads {
                return None;
            }
            assert!(began.elapsed() < PATIENCE, "{executions:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What `darkroom dead-letters` prints as JSON, and its exit code.
    fn dead_letters(&self, workspace: &Workspace, arguments: &[&str]) -> (i32, Vec<Value>) {
        let output = workspace
            .darkroom(&["dead-letters", "--endpoint", &self.url()])
            .args(arguments)
            .arg("--json")
            .output()
            .expect("the binary runs");
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
        let letters = report["deadLetters"].as_array().expect("letters").clone();
        (output.status.code().expect("an exit code"), letters)
    }

    fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("a child");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn photo() -> Vec<u8> {
    std::fs::read(examples("photos").join("flower.jpg")).expect("an example")
}

#[test]
fn uploads_survive_kills_and_each_is_processed_once() {
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    for number in 0..12 {
        let content = photo_with_comment("flower.jpg", &format!("photo {number}"));
        server.put(&format!("uploads/ann/p{number}.jpg"), &content);
    }
    // What was answered is on disk: the object, and that its execution is to be started.
    server.kill();
    let server = Server::start(&workspace);
    server.put("uploads/ann/broken.jpg", b"no picture");
    server.kill();
    let server = Server::start(&workspace);
    for number in 0..12 {
        let execution = server.ended(&format!("p{number}"));
        assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
        assert_eq!(server.record(&format!("p{number}"))["status"], json!({ "S": "completed" }));
    }
    assert_eq!(server.ended("broken")["status"], "FAILED");
    assert_eq!(server.executions().len(), 13);
}

#[test]
fn what_failed_is_told_once_over_a_kill_and_can_be_redriven_or_forgotten() {
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    // The photo is not there when its execution is started, and is there when it is redriven.
    let input = json!({ "imageId": "late", "userId": "ann", "s3Key": "uploads/ann/late.jpg", "fileName": "late.jpg",
        "fileSize": 1, "fileType": "image/jpeg" });
    let machine = format!("{OWNER}:stateMachine:{MACHINE}");
    let start =
        json!({ "stateMachineArn": machine, "name": "image-processing-late", "input": input.to_string() });
    server.ok("AWSStepFunctions.StartExecution", &start);
    server.put("uploads/ann/broken.jpg", b"no picture");
    for image in ["late", "broken"] {
        assert_eq!(server.ended(image)["status"], "FAILED");
    }
    server.kill();
    let server = Server::start(&workspace);
    let began = Instant::now();
    let letters = loop {
        let (code, letters) = server.dead_letters(&workspace, &["list"]);
        assert_eq!(code, 0);
        if letters.len() >= 2 || began.elapsed() > PATIENCE {
            break letters;
        }
    };
    let names: BTreeSet<&str> = letters.iter().filter_map(|letter| letter["name"].as_str()).collect();
    assert_eq!(
        (letters.len(), names),
        (2, BTreeSet::from(["image-processing-late", "image-processing-broken"]))
    );
    let late = letters.iter().find(|letter| letter["name"] == "image-processing-late").expect("a letter");
    assert_eq!((&late["status"], &late["redriveCount"]), (&json!("FAILED"), &json!(0)));
    assert_eq!(late["input"], json!(input.to_string()));

    // Into the bucket's folder, so that no event starts anything.
    let uploads = workspace.path().join("darkroom-data/input/uploads/ann");
    std::fs::create_dir_all(&uploads).expect("a folder");
    std::fs::write(uploads.join("late.jpg"), photo()).expect("an upload");
    let (code, redriven) = server.dead_letters(&workspace, &["redrive", "image-processing-late"]);
    // It came to the workflow's Fail state: to run on from there would be to fail at once.
    assert_eq!((code, &redriven[0]["outcome"]), (0, &json!("startedAnew")));
    let arn = redriven[0]["reason"].as_str().expect("an ARN");
    let (_, image) = arn.rsplit_once("image-processing-").expect("its name");
    assert_eq!(server.ended(image)["status"], "SUCCEEDED");
    assert_eq!(server.record("late")["status"], json!({ "S": "completed" }));
    let (code, purged) = server.dead_letters(&workspace, &["purge", "--all"]);
    assert_eq!((code, purged.len()), (0, 1));
    assert_eq!(server.dead_letters(&workspace, &["list"]), (0, Vec::new()));
    let unknown = workspace
        .darkroom(&["dead-letters", "--endpoint", &server.url(), "redrive", "nobody"])
        .output()
        .expect("the binary runs");
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
}

#[test]
fn a_watched_folder_s_photos_are_put_once() {
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    let inbox = workspace.path().join("inbox");
    std::fs::create_dir(&inbox).expect("a folder");
    std::fs::write(inbox.join("a.jpg"), photo()).expect("a photo");
    std::fs::write(inbox.join("same.jpg"), photo()).expect("a photo");
    std::fs::write(inbox.join("notes.txt"), "no photo").expect("a file");
    let watch = || {
        workspace
            .darkroom(&["watch", "inbox", "--once", "--endpoint", &server.url()])
            .output()
            .expect("the binary runs")
    };
    let first = watch();
    assert_eq!(first.status.code(), Some(0), "{}", text(&first));
    assert_eq!(server.executions().len(), 1);
    std::fs::write(inbox.join("broken.jpg"), "no picture").expect("a file");
    let second = watch();
    assert_eq!(second.status.code(), Some(1), "{}", text(&second));
    assert!(String::from_utf8_lossy(&second.stdout).contains("broken.jpg  FAILED"), "{}", text(&second));
    assert_eq!(server.executions().len(), 2);
}

/// The policies that ship, by their roles' names.
fn policies() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/policies");
    let role = |(file, role): (&str, &str)| {
        let mut text = std::fs::read_to_string(folder.join(file)).expect("a policy");
        for (placeholder, value) in [
            ("region", "us-east-1"),
            ("account", "000000000000"),
            ("project_name", "darkroom"),
            ("sns_topic_name", "darkroom-notifications"),
            ("input_bucket", "darkroom-input"),
            ("output_bucket", "darkroom-output"),
            ("table_name", "darkroom-images"),
        ] {
            text = text.replace(&format!("${{{placeholder}}}"), value);
        }
        (format!("darkroom-{role}"), serde_json::from_str(&text).expect("JSON"))
    };
    [
        ("state-machine.json", "image-processing-state-machine"),
        ("upload.json", "upload-state-machine"),
        ("function-validation.json", "validation-function"),
        ("function-resize.json", "resize-function"),
        ("function-watermark.json", "watermark-function"),
        ("function-error-handler.json", "error-handler-function"),
        ("function-cleanup.json", "cleanup-function"),
    ]
    .map(role)
    .into()
}

/// What a server with these roles makes of a good photo, of a broken one, and of one that is not there: what was refused.
fn refusals(roles: &[(String, Value)]) -> Vec<String> {
    let workspace = Workspace::new();
    let data = workspace.path().join("darkroom-data");
    std::fs::create_dir(&data).expect("the data folder");
    let tables: Vec<String> =
        roles.iter().map(|(name, policy)| format!("[roles.{name}]\npolicy = '''{policy}'''")).collect();
    let tables = tables.join("\n");
    std::fs::write(data.join("darkroom.toml"), tables).expect("the settings");
    let server = Server::start(&workspace);
    server.put("uploads/ann/good.jpg", &photo());
    server.put("uploads/ann/broken.jpg", b"no picture");
    if let Some(refused) = server.seen_to(2) {
        return vec![refused];
    }
    // Once more, when its name is taken.
    server.ended("good");
    server.put("uploads/ann/good.jpg", &photo_with_comment("flower.jpg", "another"));
    if let Some(refused) = server.seen_to(3) {
        return vec![refused];
    }
    let input = json!({ "imageId": "missing", "userId": "ann", "s3Key": "uploads/ann/missing.jpg",
        "fileName": "missing.jpg", "fileSize": 1, "fileType": "image/jpeg" });
    let start = json!({ "stateMachineArn": format!("{OWNER}:stateMachine:{MACHINE}"),
        "name": "image-processing-missing", "input": input.to_string() });
    server.ok("AWSStepFunctions.StartExecution", &start);
    let mut refused = Vec::new();
    for (image, status) in [("good", "SUCCEEDED"), ("broken", "FAILED"), ("missing", "FAILED")] {
        let execution = server.ended(image);
        if execution["status"] != status {
            refused.push(format!("{image}: {execution}"));
        } else if server.history(image).contains(NOT_ALLOWED) {
            refused.push(format!("{image}: a step was not allowed"));
        }
    }
    refused
}

#[test]
fn each_statement_of_each_role_is_needed() {
    let shipped = policies();
    assert_eq!(refusals(&shipped), [""; 0], "what ships is enough");
    for (place, (name, policy)) in shipped.iter().enumerate() {
        let statements = policy["Statement"].as_array().expect("statements");
        for left_out in 0..statements.len() {
            let mut fewer = shipped.clone();
            let statements = fewer[place].1["Statement"].as_array_mut().expect("statements");
            let statement = statements.remove(left_out);
            assert_ne!(refusals(&fewer), [""; 0], "{name} does not need {statement}");
        }
    }
}

#[test]
fn a_server_without_the_platform_has_none_of_it() {
    let workspace = Workspace::new();
    let data = workspace.path().join("darkroom-data");
    std::fs::create_dir(&data).expect("the data folder");
    std::fs::write(data.join("darkroom.toml"), "[platform]\nenabled = false\n").expect("the settings");
    let server = Server::start(&workspace);
    assert_eq!(server.ok("AWSStepFunctions.ListStateMachines", &json!({}))["stateMachines"], json!([]));
    assert_eq!(server.ok("AWSEvents.ListRules", &json!({}))["Rules"], json!([]));
    let output = Command::new(env!("CARGO_BIN_EXE_darkroom"))
        .args(["watch", ".", "--once", "--endpoint", &server.url()])
        .current_dir(workspace.path())
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}
