//! The console in a real browser: pages open and complain of nothing, ask nobody else, are usable by everyone, change
//! while they are looked at, and do what their buttons say.

mod driver;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use driver::{Browser, http};
use serde_json::{Value, json};
use support::{Workspace, examples};

const ROLE: &str = "arn:aws:iam::000000000000:role/r";
/// The longest that a test waits for what no page shows.
const PATIENCE: Duration = Duration::from_mins(1);
const ACCESS: &str = include_str!("access.js");

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
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://").expect("the address").to_owned();
        Self { child, address }
    }

    fn call(&self, target: &str, input: &Value) -> Value {
        let headers = [("X-Amz-Target", target), ("Content-Type", "application/x-amz-json-1.0")];
        let (status, answer) = http(&self.address, "POST", "/", &headers, input.to_string().as_bytes());
        assert_eq!(status, 200, "{target}: {}", String::from_utf8_lossy(&answer));
        // Some actions have nothing to say.
        if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer).expect("JSON") }
    }

    fn states(&self, action: &str, input: &Value) -> Value {
        self.call(&format!("AWSStepFunctions.{action}"), input)
    }

    fn create(&self, name: &str, definition: &Value) -> Value {
        let input = json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE });
        self.states("CreateStateMachine", &input)["stateMachineArn"].take()
    }

    fn start_execution(&self, machine: &Value, name: &str, input: &Value) -> String {
        let start = json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() });
        let started = self.states("StartExecution", &start);
        started["executionArn"].as_str().expect("an ARN").to_owned()
    }

    /// Puts what is no picture among the uploads, and waits until its failure lies in the dead letters.
    fn fail_a_photo(&self) {
        let (status, _) =
            http(&self.address, "PUT", "/darkroom-input/uploads/ann/broken.jpg", &[], b"no picture");
        assert_eq!(status, 200);
        let name = json!({ "QueueName": "darkroom-dead-letters" });
        let queue = self.call("AmazonSQS.GetQueueUrl", &name)["QueueUrl"].take();
        let asked = json!({ "QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages"] });
        let began = Instant::now();
        while self.call("AmazonSQS.GetQueueAttributes", &asked)["Attributes"]["ApproximateNumberOfMessages"]
            == "0"
        {
            assert!(began.elapsed() < PATIENCE, "no letter comes");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn page(&self, path: &str) -> String {
        format!("http://{}/console/{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tries twice, chooses, and goes where its input says; hostile names and a map among it.
fn machine() -> Value {
    json!({ "Comment": "Everything at once", "StartAt": "Remember", "States": {
        "Remember": { "Type": "Pass", "Assign": { "limit": 3 }, "Next": "Ask <b>nobody</b> & wait" },
        "Ask <b>nobody</b> & wait": { "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:nobody",
            "Retry": [{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1 }],
            "Catch": [{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Enough?" }], "Next": "Enough?" },
        "Enough?": { "Type": "Choice", "Choices": [
            { "And": [{ "Variable": "$.n", "IsPresent": true }, { "Variable": "$.n", "NumericGreaterThanPath": "$limit" }],
              "Next": "Each" }], "Default": "Too little" },
        "Each": { "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": { "StartAt": "Item", "States": {
            "Item": { "Type": "Pass", "End": true } } }, "End": true },
        "Too little": { "Type": "Fail", "Error": "TooLittle", "Cause": "{\"why\": \"n is \\u003cscript\\u003e\"}" },
    } })
}

fn waiting(seconds: u32) -> Value {
    json!({ "StartAt": "Pause", "States": {
        "Pause": { "Type": "Wait", "Seconds": seconds, "Next": "Done" },
        "Done": { "Type": "Succeed" },
    } })
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02X}").expect("writing to a string does not fail");
        encoded
    })
}

/// Nothing went wrong in the browser since the last look, and nobody but the server was asked for anything.
fn check_quiet(browser: &Browser, server: &Server) {
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let own = format!("http://{}/", server.address);
    let elsewhere: Vec<String> = browser
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with(&own) && !url.starts_with("data:"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn every_page_is_quiet_and_usable_by_everyone() {
    let Some(browser) = Browser::open() else { return };
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    let made = server.create("everything", &machine());
    let good = server.start_execution(
        &made,
        "good",
        &json!({ "n": 4, "items": [1, 2], "text": "<script>alert(1)</script>" }),
    );
    let bad = server.start_execution(&made, "bad", &json!({ "n": 1, "items": [] }));
    let trace = "1-5759e988-bd862e3fe1be46a994272793";
    let input = json!({ "n": 1, "items": [] }).to_string();
    let traced = json!({
        "stateMachineArn": made, "name": "traced", "input": input, "traceHeader": format!("Root={trace};Sampled=1"),
    });
    server.states("StartExecution", &traced);
    server.call("AmazonSQS.CreateQueue", &json!({ "QueueName": "letters" }));
    server.fail_a_photo();
    for arn in [&good, &bad] {
        browser.go(&server.page(&format!("execution?arn={}", encoded(arn))));
        browser.until("it ends", "return !document.querySelector('h1 .is-running')");
    }
    let pages = [
        ("overview", String::new()),
        ("executions", "executions?status=FAILED&name=ba".to_owned()),
        ("execution", format!("execution?arn={}&state={}", encoded(&bad), encoded("Enough?"))),
        (
            "retried",
            format!("execution?arn={}&state={}", encoded(&good), encoded("Ask <b>nobody</b> & wait")),
        ),
        ("machines", "machines".to_owned()),
        ("machine", format!("machine?arn={}", encoded(made.as_str().expect("an ARN")))),
        ("photos", "photos".to_owned()),
        ("functions", "functions".to_owned()),
        ("topics", "topics".to_owned()),
        ("queues", "queues".to_owned()),
        ("function", "function?name=darkroom-validation".to_owned()),
        ("alarms", "alarms".to_owned()),
        ("alarm", "alarm?name=darkroom-failure-ratio".to_owned()),
        ("dead-letters", "dead-letters".to_owned()),
        ("map", format!("execution?arn={}&state=Each", encoded(&good))),
        ("traces", "traces".to_owned()),
        ("trace", format!("traces?id={trace}")),
    ];
    for (name, page) in &pages {
        for (width, colours) in [(1280, "light"), (1280, "dark"), (360, "light")] {
            browser.pretend(width, colours);
            browser.go(&server.page(page));
            check_quiet(&browser, &server);
            let faults = browser.run(ACCESS);
            assert_eq!(faults, json!([]), "{name} at {width} in {colours}: {faults:#}");
            browser.picture(&format!("{name}-{width}-{colours}"));
            check_quiet(&browser, &server);
        }
    }
    // What somebody named or sent is text.
    browser.go(&server.page(&pages[3].1));
    assert_eq!(browser.run("return document.querySelectorAll('main b, main script').length"), 0);
    browser
        .until("its input is shown", "return document.body.innerText.includes('<script>alert(1)</script>')");
    // How far the Map came.
    browser.go(&server.page(&pages[14].1));
    browser.until(
        "its iterations are counted",
        "return document.body.innerText.includes('2 of 2 done, 0 running')",
    );
    // Why the choice went where it went.
    browser.go(&server.page(&pages[2].1));
    browser.until(
        "the rule is told",
        "return document.querySelector('.rules').innerText.includes('did not hold')",
    );
    check_quiet(&browser, &server);
}

#[test]
fn an_execution_turns_green_while_it_is_looked_at() {
    let Some(browser) = Browser::open() else { return };
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    let made = server.create("waiting", &waiting(4));
    let arn = server.start_execution(&made, "seen", &json!({}));
    browser.go(&server.page(&format!("execution?arn={}", encoded(&arn))));
    browser.run("window.isTheSamePage = true");
    browser.until("it runs", "return !!document.querySelector('.node[data-state=Pause].is-running')");
    browser.until("it is done", "return !!document.querySelector('.node[data-state=Pause].is-succeeded')");
    browser
        .until("its status is told", "return document.querySelector('h1').innerText.includes('SUCCEEDED')");
    assert_eq!(browser.run("return window.isTheSamePage"), true, "the page was loaded again");
    check_quiet(&browser, &server);

    browser.go(&server.page(""));
    browser.run("window.isTheSamePage = true");
    server.start_execution(&made, "another", &json!({}));
    browser.until(
        "it is in the list",
        "return document.querySelector('[data-part=running]').innerText.includes('another')",
    );
    assert_eq!(browser.run("return window.isTheSamePage"), true, "the page was loaded again");
    check_quiet(&browser, &server);
}

#[test]
fn buttons_do_what_they_say() {
    let Some(browser) = Browser::open() else { return };
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    let made = server.create("long", &waiting(3_600));
    let page = server.page(&format!("machine?arn={}", encoded(made.as_str().expect("an ARN"))));
    browser.go(&page);
    browser.put("[name=name]", "by-hand");
    browser.click("form[action$='do/start'] button");
    browser.until("it is started", "return location.pathname.endsWith('/execution')");
    browser.until("it runs", "return !!document.querySelector('.node[data-state=Pause].is-running')");

    browser.click("form[action$='do/stop'] button");
    browser.accept();
    browser.until("it is stopped", "return document.querySelector('h1').innerText.includes('ABORTED')");
    browser.click("form[action$='do/redrive'] button");
    browser.until("it runs again", "return document.querySelector('h1').innerText.includes('RUNNING')");

    browser.click(".node[data-state=Done] a");
    browser.until(
        "the state is shown",
        "return document.querySelector('#state').innerText.includes('State Done')",
    );
    browser.click(".again summary");
    browser.run("document.querySelector('.again textarea').value = '{\"edited\": [1.0]}'");
    browser.click("form[action$='do/start-from'] button");
    browser.until("another one ends", "return document.querySelector('h1').innerText.includes('SUCCEEDED')");
    browser.until("it began there", "return !document.querySelector('[data-state=Pause]')");
    browser.until(
        "with this input",
        "return document.querySelector('[data-part=data]').innerText.includes('1.0')",
    );

    browser.go(&page);
    browser.run("document.querySelector('[name=input]').value = '{no'");
    browser.click("form[action$='do/start'] button");
    browser.until(
        "it says why not",
        "return document.querySelector('#said').innerText.includes('line 1, column 2')",
    );
}

#[test]
fn what_stands_beside_the_engine_is_shown_and_can_be_changed() {
    let Some(browser) = Browser::open() else { return };
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    server.fail_a_photo();
    browser.go(&server.page("function?name=darkroom-validation"));
    browser.until(
        "its log is shown",
        "return document.querySelector('.log').innerText.includes('START RequestId: ')",
    );
    browser.go(&server.page("dead-letters"));
    browser.until(
        "the letter is shown",
        "return document.querySelector('[data-part=letters] tbody').innerText.includes('image-processing-broken')",
    );
    browser.click("tbody form[action$='do/purge-letters'] button");
    browser.until("it is gone", "return document.querySelector('[data-part=letters]').innerText === 'None.'");

    // Without data it stays as it is set, however long this takes.
    let alarm = json!({ "AlarmName": "of-the-test", "Namespace": "N", "MetricName": "none", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore" });
    server.call("GraniteServiceVersion20100801.PutMetricAlarm", &alarm);
    browser.go(&server.page("alarm?name=of-the-test"));
    browser.click("form[action$='do/alarm-state'] button");
    browser.accept();
    browser.until("it rings", "return document.querySelector('h1').innerText.includes('ALARM')");
    browser.until(
        "that is in its history",
        "return document.querySelector('[data-part=history]').innerText.includes('to ALARM')",
    );
    browser.click("form[action$='do/alarm-actions'] button");
    browser.until(
        "it tells nobody",
        "return document.querySelector('[data-part=alarm]').innerText.includes('are switched off')",
    );
    browser.go(&server.page(""));
    browser.until(
        "it rings on the overview",
        "return document.querySelector('[data-part=alarms]').innerText.includes('of-the-test')",
    );
    browser.until(
        "so long took the executions",
        "return document.querySelector('[data-part=durations] svg').getAttribute('aria-label').includes('99 of 100 up to')",
    );
    browser.go(&server.page("topics"));
    browser
        .until("the file is told", "return document.body.innerText.includes('darkroom-notifications.jsonl')");
    check_quiet(&browser, &server);
}

#[test]
fn photos_are_put_in_and_looked_at() {
    let Some(browser) = Browser::open() else { return };
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    browser.go(&server.page("photos"));
    browser.run("window.isTheSamePage = true");
    let good = examples("photos").join("coffee.png");
    browser.put("#files", &good.to_string_lossy());
    browser.until("it is done", "return !!document.querySelector('.photo .is-succeeded')");
    let after = "const after = document.querySelector('.photo .after img'); return !!after && after.complete && after.naturalWidth > 0";
    browser.until("what was made of it is seen", after);
    let broken = examples("broken").join("text.jpg");
    browser.put("#files", &broken.to_string_lossy());
    browser.until("it failed", "return !!document.querySelector('.photo .is-failed')");
    browser.until("it says why", "return document.querySelector('.photo .failure').innerText.length > 20");
    assert_eq!(browser.run("return window.isTheSamePage"), true, "the page was loaded again");
    browser.picture("photos-filled");
    browser.click("#uploads a");
    browser.until(
        "its execution is shown",
        "return !!document.querySelector('.node[data-state=ValidateImage]')",
    );
    browser.until("it went well", "return document.querySelector('h1').innerText.includes('SUCCEEDED')");
    browser.picture("photo-execution");
}

#[test]
fn pages_elsewhere_change_nothing() {
    let workspace = Workspace::new();
    let server = Server::start(&workspace);
    let origin = format!("http://{}", server.address);
    let form = b"arn=arn:aws:states:us-east-1:000000000000:execution:x:y";
    for (headers, expected) in [
        (vec![], 403),
        (vec![("Origin", "http://elsewhere.example"), ("X-Darkroom-Console", "1")], 403),
        (vec![("Sec-Fetch-Site", "cross-site"), ("X-Darkroom-Console", "1")], 403),
        (vec![("Origin", &*origin), ("X-Darkroom-Console", "1")], 200),
    ] {
        let (status, _) = http(&server.address, "POST", "/console/do/stop", &headers, form);
        assert_eq!(status, expected, "{headers:?}");
    }
    let (status, page) = http(&server.address, "GET", "/", &[("Accept", "text/html")], b"");
    assert_eq!(status, 303, "{}", String::from_utf8_lossy(&page));
    let (status, list) = http(&server.address, "GET", "/", &[], b"");
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&list).contains("ListAllMyBucketsResult"), "a client lists buckets");
}
