//! A browser that is driven: Chromium through its `WebDriver`, in the few commands that these tests use.
//!
//! Spec: W3C, "`WebDriver`"; `goog/cdp` and `se/log` are Chromium's own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// What `WebDriver` names an element by.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window, closed at the end of its test.
pub struct Browser {
    driver: Child,
    address: String,
    session: String,
}

/// A call over HTTP: the answer's status and body.
pub fn http(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    head.extend(["Content-Length: ", &body.len().to_string(), "\r\n\r\n"]);
    stream.write_all(head.as_bytes()).expect("the request is taken");
    stream.write_all(body).expect("the request is taken");
    read(BufReader::new(stream))
}

/// An answer: as much of it as its head says, or all there is. A driver may leave the connection open.
fn read(mut stream: BufReader<TcpStream>) -> (u16, Vec<u8>) {
    let (mut status, mut length) = (0, None);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a head");
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if status == 0 {
            status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse().expect("a length"));
        }
    }
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            stream.read_exact(&mut body).expect("a body");
        }
        None => drop(stream.read_to_end(&mut body).expect("a body")),
    }
    (status, body)
}

impl Browser {
    /// Opens one; nothing where this machine has no Chromium, which is said loudly.
    pub fn open() -> Option<Self> {
        let driver =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut driver) = driver else {
            assert!(std::env::var_os("CI_HAS_CHROMIUM").is_none(), "chromedriver does not start");
            eprintln!(
                "\n*** SKIPPED: no chromedriver here. Install chromium and chromium-driver to run this test. ***\n"
            );
            return None;
        };
        let stdout = driver.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned())
        });
        let address = format!("127.0.0.1:{}", port.expect("chromedriver says its port"));
        // It goes on to write; nobody reading must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1280,1000",
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let browser = Self { driver, address, session: String::new() };
        let session = browser.call("POST", "/session", &wanted);
        let session = session["sessionId"].as_str().expect("a session").to_owned();
        Some(browser.of(session))
    }

    fn of(mut self, session: String) -> Self {
        self.session = session;
        self
    }

    fn call(&self, method: &str, path: &str, input: &Value) -> Value {
        self.attempt(method, path, input).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// A command that may fail; then the error is its answer.
    fn attempt(&self, method: &str, path: &str, input: &Value) -> Result<Value, Value> {
        let path =
            if path == "/session" { path.to_owned() } else { format!("/session/{}{path}", self.session) };
        let body = if method == "GET" { String::new() } else { input.to_string() };
        let (status, answer) =
            http(&self.address, method, &path, &[("Content-Type", "application/json")], body.as_bytes());
        let mut answer: Value = serde_json::from_slice(&answer).expect("a driver answers in JSON");
        let value = answer["value"].take();
        if status == 200 { Ok(value) } else { Err(value) }
    }

    /// Opens a page and waits until it is there, with its styles. A driver that is sent to where it is already may say
    /// so while the new page is still being read.
    pub fn go(&self, url: &str) {
        self.run("window.isLeft = true");
        self.call("POST", "/url", &json!({ "url": url }));
        self.until("the page is there", "return !window.isLeft && document.readyState === 'complete'");
    }

    /// What a piece of script answers.
    pub fn run(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a piece of script answers something that is true.
    pub fn until(&self, what: &str, script: &str) {
        let began = Instant::now();
        while self.run(script) != true {
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: not so\n{}",
                self.run("return document.body.innerText")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn element(&self, css: &str) -> String {
        let found = self.call("POST", "/element", &json!({ "using": "css selector", "value": css }));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// Clicks on the first element that is meant. What is replaced between the look and the click is looked for again.
    pub fn click(&self, css: &str) {
        let began = Instant::now();
        loop {
            let element = self.element(css);
            match self.attempt("POST", &format!("/element/{element}/click"), &json!({})) {
                Ok(_) => return,
                Err(error) if error["error"] == "stale element reference" => {}
                Err(error) => panic!("{css}: {error}"),
            }
            assert!(began.elapsed() < PATIENCE, "{css} never stands still");
        }
    }

    /// Says yes to a question.
    pub fn accept(&self) {
        self.call("POST", "/alert/accept", &json!({}));
    }

    /// Types into an element, or names files to one that takes some.
    pub fn put(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.call("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Does as a browser with this width and this liking would.
    pub fn pretend(&self, width: u32, colours: &str) {
        let screen = json!({ "width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600 });
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] });
        for (command, parameters) in
            [("Emulation.setDeviceMetricsOverride", screen), ("Emulation.setEmulatedMedia", media)]
        {
            self.call("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
        }
    }

    /// What the browser complained of since it was last asked.
    pub fn complaints(&self) -> Vec<String> {
        let lines = self.call("POST", "/se/log", &json!({ "type": "browser" }));
        let lines = lines.as_array().cloned().unwrap_or_default();
        lines.iter().filter_map(|line| line["message"].as_str().map(str::to_owned)).collect()
    }

    /// What pages asked for since it was last asked.
    pub fn requests(&self) -> Vec<String> {
        let lines = self.call("POST", "/se/log", &json!({ "type": "performance" }));
        let lines = lines.as_array().cloned().unwrap_or_default();
        let request = |line: &Value| {
            let event: Value = serde_json::from_str(line["message"].as_str()?).ok()?;
            let sent = &event["message"];
            let url = sent["params"]["request"]["url"].as_str()?;
            (sent["method"] == "Network.requestWillBeSent").then(|| url.to_owned())
        };
        lines.iter().filter_map(request).collect()
    }

    /// Keeps a picture of the page, where `DARKROOM_SCREENSHOTS` names a folder.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("DARKROOM_SCREENSHOTS") else { return };
        let height = self.run("return Math.min(document.documentElement.scrollHeight, 2400)");
        let clip =
            json!({ "x": 0, "y": 0, "width": self.run("return innerWidth"), "height": height, "scale": 1 });
        let input = json!({ "cmd": "Page.captureScreenshot", "params": { "captureBeyondViewport": true, "clip": clip } });
        let data = self.call("POST", "/goog/cdp/execute", &input);
        let data = data["data"].as_str().expect("a picture");
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png.base64")), data)
            .expect("a file");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.call("DELETE", "", &json!({}));
        }
        // A driver that is told to end takes its browser along.
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let _ = self.driver.wait();
    }
}
