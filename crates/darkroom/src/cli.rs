//! The command line, as it is parsed and as `--help` teaches it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use darkroom_engine::RETENTION_DAYS;

use crate::diagnostics;
use crate::limits;
use crate::serve::daemon::Place as XRayDaemon;
use crate::workflow::{ACCOUNT, REGION};

/// Image processing on a durable, AWS Step Functions-compatible workflow engine.
///
/// Photos go through a state machine in Amazon States Language: validate, resize, watermark, with retries,
/// error handling and clean-up. Every step is on disk before the next one begins, so that a crash loses
/// nothing: run the same command again and it goes on where it stood.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Process photos: check, resize and watermark each one.
    Process(ProcessArguments),
    /// Serve the image platform, Step Functions and the services around it on a port.
    Serve(ServeArguments),
    /// Pack the image functions for AWS Lambda.
    Package(PackageArguments),
    /// Check a server's settings, or show all that there are.
    Config(ConfigArguments),
    /// Put the photos of a folder into a server's input bucket as they come.
    Watch(WatchArguments),
    /// Look at executions that failed, run them on from where they did, or forget them.
    DeadLetters(DeadLettersArguments),
    /// Show what happened in an execution, event by event.
    History(HistoryArguments),
    /// List executions, newest first.
    List(ListArguments),
    /// Check state machine definitions without running them.
    Validate(ValidateArguments),
    /// Draw a state machine.
    Graph(GraphArguments),
    /// Evaluate a JSONata expression, as a state would.
    Jsonata(JsonataArguments),
    /// Measure how fast the engine is on this machine, beside its disk.
    Bench(BenchArguments),
}

/// `darkroom process`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom process holiday/                     every photo below holiday/, results in out/
  darkroom process a.jpg b.png --out web --jobs 2
  darkroom process holiday/ --json | jq '.photos[] | select(.status == \"FAILED\")'

Running it again does only what is not done yet. Open out/index.html to see the results.

Exit codes: 0 every photo is done, 1 some failed, 2 the command could not begin.")]
pub struct ProcessArguments {
    /// Photos, or folders that are searched for photos. JPEG, PNG, WebP, GIF and TIFF are read.
    #[arg(required = true, value_name = "FILE OR FOLDER")]
    pub inputs: Vec<PathBuf>,

    /// The output bucket: a folder that gets processed/<user>/<image>-small.jpg and so on.
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,

    /// Where executions, records and copies of the originals are kept [default: <out>/.darkroom].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Whose photos these are: a part of the output paths.
    #[arg(long, value_name = "ID", default_value = "local")]
    pub user: String,

    /// How many photos are worked on at once [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Another definition of the workflow, such as its JSONata twin [default: the one that is built in].
    #[arg(long, value_name = "FILE")]
    pub workflow: Option<PathBuf>,

    /// Try photos again that failed before.
    #[arg(long)]
    pub retry_failed: bool,

    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// What `darkroom serve --help` ends with.
const SERVE_EXAMPLES: &str = "\
Examples:
  darkroom serve
  aws --endpoint-url http://127.0.0.1:4566 s3 cp photo.jpg s3://darkroom-input/uploads/u1/p1.jpg
  aws --endpoint-url http://127.0.0.1:4566 stepfunctions list-state-machines
  darkroom serve --lambda-endpoint http://127.0.0.1:9001    functions are called over Lambda's Invoke API
  darkroom serve --listen 0.0.0.0:4566 --credentials keys    others may call, if they sign with a key in the file
  darkroom serve --limit payload-bytes=1048576 --limit history-events=100000

Exit codes: 0 it was asked to stop, 2 it could not begin.";

/// `darkroom serve`.
#[derive(Debug, Args)]
#[command(after_help = format!("{}\n{SERVE_EXAMPLES}", limits::help()))]
pub struct ServeArguments {
    /// Where to listen. Beyond this machine's own addresses only with --credentials.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4566")]
    pub listen: SocketAddr,

    /// Demand requests that are signed with one of the access keys in this file, which is as ~/.aws/credentials is
    /// [default: whoever reaches the port may do everything].
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,

    /// Where state machines, executions, records and buckets are kept.
    #[arg(long, value_name = "DIR", default_value = "darkroom-data")]
    pub data: PathBuf,

    /// Where the logs go that state machines ask for: a file for each log group below this folder, or `-` for standard
    /// output [default: <data>/logs].
    #[arg(long, value_name = "DIR")]
    pub logs: Option<PathBuf>,

    /// Call Lambda functions there [default: the image functions in this process are all there is].
    #[arg(long, value_name = "URL")]
    pub lambda_endpoint: Option<String>,

    /// What the server says on standard error: `LEVEL`, or `LEVEL,TARGET=LEVEL,…` with error, warn, info, debug, trace or
    /// off. `engine`, `services`, `gateway` are targets, and `functions` is what functions write [default: what
    /// `DARKROOM_LOG` says, or warn].
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<diagnostics::Filter>,

    /// How it says that: for people, or a JSON object a line.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub log_format: diagnostics::Format,

    /// Where the X-Ray daemon listens, for datagrams and connections: on this machine alone. `off` is without one. Where
    /// the port is taken the server says so, and goes on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2000")]
    pub xray_daemon: XRayDaemon,

    /// Send executions that have ended to an OpenTelemetry collector there, by OTLP over HTTP
    /// [default: what `OTEL_EXPORTER_OTLP_ENDPOINT` says].
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Which services are somewhere else, and which functions there are [default: <data>/darkroom.toml, if there].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The account of requests whose access key is none (12 digits name one).
    #[arg(long, value_name = "ID", default_value = ACCOUNT, value_parser = account)]
    pub account: String,

    /// The region of requests that are not signed for one.
    #[arg(long, value_name = "NAME", default_value = REGION)]
    pub region: String,

    /// How long an execution is kept after its end; its name is free again afterwards.
    #[arg(long, value_name = "DAYS", default_value_t = RETENTION_DAYS, value_parser = clap::value_parser!(u32).range(1..))]
    pub retention_days: u32,

    /// Leave what is acknowledged to the system to write: a crash of the machine loses it. For measuring only.
    #[arg(long, hide = true)]
    pub unsynced: bool,

    /// Whether what happens is counted. For measuring what that costs only.
    #[arg(long, hide = true, value_name = "SWITCH", default_value = "on")]
    pub metrics: Switch,

    /// Set one of the limits below; may be repeated.
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limits::parse)]
    pub limits: Vec<limits::Setting>,
}

/// Whether a part of a server is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl Switch {
    /// Whether the part is at work.
    pub fn is_on(self) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
        }
    }
}

/// `darkroom package`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo build --release -p darkroom-lambda --features bootstrap
  darkroom package --from target/release --out packages

  rustup target add aarch64-unknown-linux-gnu               for arm64, with that linker
  cargo build --release -p darkroom-lambda --features bootstrap --target aarch64-unknown-linux-gnu
  darkroom package --from target/aarch64-unknown-linux-gnu/release --out packages

Makes validation.zip, resize.zip, watermark.zip, error-handler.zip and cleanup.zip, each with the one file `bootstrap`, for
the runtime provided.al2023. The same programs make the same files. A function reads INPUT_BUCKET, OUTPUT_BUCKET and
DYNAMODB_TABLE from its environment.

Exit codes: 0 all five were made, 2 a program is missing or is none for Lambda.")]
pub struct PackageArguments {
    /// Where the programs are: bootstrap-validation, bootstrap-resize and so on.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,

    /// Where the ZIP files go.
    #[arg(long, value_name = "DIR", default_value = "packages")]
    pub out: PathBuf,

    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// `darkroom config`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom config example > darkroom-data/darkroom.toml
  darkroom config check --data darkroom-data
  DARKROOM__SERVICES__S3__ENDPOINT=aws darkroom config check --json

Exit codes: 0 the settings can be used, 1 they are wrong (the output says where), 2 the command was not understood.")]
pub struct ConfigArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what the settings mean, the environment's variables included.
    Check {
        /// The file [default: <data>/darkroom.toml, if there].
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,

        /// The server's data folder.
        #[arg(long, value_name = "DIR", default_value = "darkroom-data")]
        data: PathBuf,

        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Print a file with all settings, each with a comment.
    Example,
}

/// The server that a command talks to.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// Where it listens [default: `AWS_ENDPOINT_URL`, or port 4566 of this machine].
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint: Option<String>,

    /// The region that it answers for.
    #[arg(long, value_name = "NAME", default_value = REGION, global = true)]
    pub region: String,
}

impl ServerArguments {
    /// Its URL.
    pub fn url(&self) -> String {
        let variable = || std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
        self.endpoint.clone().or_else(variable).unwrap_or_else(|| "http://127.0.0.1:4566".to_owned())
    }
}

/// `darkroom watch`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom watch inbox/                         while `darkroom serve` runs
  darkroom watch inbox/ --user ann --endpoint http://127.0.0.1:4566
  darkroom watch inbox/ --once                  what is there now, to its end

A photo is put when two looks at it, a second apart, saw the same. One that is in the bucket already is not put again.

Exit codes: 0 every photo is done (with --once), 1 some failed, 2 the folder or the server cannot be used.")]
pub struct WatchArguments {
    /// The folder, and the folders in it.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Whose photos these are: a part of their keys.
    #[arg(long, value_name = "ID", default_value = "local")]
    pub user: String,

    /// The input bucket.
    #[arg(long, value_name = "NAME", default_value = "darkroom-input")]
    pub bucket: String,

    /// Stop when all that is there has come to its end.
    #[arg(long)]
    pub once: bool,

    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `darkroom dead-letters`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom dead-letters list
  darkroom dead-letters list --json | jq -r '.deadLetters[].executionArn'
  darkroom dead-letters redrive                 all of them, once the cause is mended
  darkroom dead-letters redrive image-processing-img_6f1c…
  darkroom dead-letters purge --all

An execution of the image workflow that ends FAILED, TIMED_OUT or ABORTED leaves a letter in the queue
darkroom-dead-letters, through the rule of that name. To redrive one is to run it on from the state where it stopped
(RedriveExecution); one that came to a Fail state, as a photo does whose failure was handled, is started anew with the
same input instead, since it would only fail there again. Its letter goes; if it fails again there is a new one. Letters
are kept for 14 days, as long as AWS redrives an execution.

Exit codes: 0 done, 1 some executions cannot be redriven (the output says why), 2 the server cannot be asked.")]
pub struct DeadLettersArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: DeadLettersCommand,

    /// The queue.
    #[arg(long, value_name = "NAME", default_value = "darkroom-dead-letters", global = true)]
    pub queue: String,

    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Show them, the oldest first.
    List {
        /// Print one JSON document instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Run the executions again, once the cause of their failures is mended.
    Redrive {
        /// Executions, by name or ARN [default: all].
        #[arg(value_name = "EXECUTION")]
        executions: Vec<String>,

        /// Print one JSON document instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Forget them: the executions stay as they are.
    Purge {
        /// Executions, by name or ARN.
        #[arg(value_name = "EXECUTION")]
        executions: Vec<String>,

        /// All of them.
        #[arg(long, conflicts_with = "executions")]
        all: bool,

        /// Print one JSON document instead of lines.
        #[arg(long)]
        json: bool,
    },
}

/// Where the executions are that a command looks at.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// The data folder of the run to look at.
    #[arg(long, value_name = "DIR", default_value = "out/.darkroom")]
    pub data: PathBuf,
}

/// `darkroom history`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom history image-processing-img_6f1c…   by name, by a unique beginning of it, or by ARN
  darkroom history img_6f1c --json              AWS's own shape, as GetExecutionHistory answers it")]
pub struct HistoryArguments {
    /// The execution: its ARN, its name, its image id, or a unique beginning of either.
    #[arg(value_name = "EXECUTION")]
    pub execution: String,

    /// Where to look.
    #[command(flatten)]
    pub data: DataArguments,

    /// Print AWS's GetExecutionHistory answer instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `darkroom list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Where to look.
    #[command(flatten)]
    pub data: DataArguments,

    /// Only executions in this status.
    #[arg(long, value_name = "STATUS", ignore_case = true,
          value_parser = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])]
    pub status: Option<String>,

    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,

    /// Print AWS's ListExecutions answer instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `darkroom validate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom validate workflows/image-processing.asl.json
  darkroom validate --set region=eu-central-1 --strict *.asl.json

Exit codes: 0 every definition is valid, 1 some are not, 2 a file could not be read.")]
pub struct ValidateArguments {
    /// Definitions in Amazon States Language, as JSON.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Fill a placeholder: `${NAME}` in the text becomes VALUE. Those of the image workflow have values.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub placeholders: Vec<(String, String)>,

    /// Count warnings as errors.
    #[arg(long)]
    pub strict: bool,

    /// Check for the Express type, which allows less.
    #[arg(long)]
    pub express: bool,

    /// Print one JSON document: AWS's ValidateStateMachineDefinition answer for each file.
    #[arg(long)]
    pub json: bool,
}

/// `darkroom graph`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom graph workflows/image-processing.asl.json -o graph.svg
  darkroom graph my-machine.asl.json --mermaid >> README.md

The picture needs nothing beside it, and follows its reader's choice of light or dark.

Exit codes: 0 it is drawn, 1 the definition is not valid, 2 a file could not be read or written.")]
pub struct GraphArguments {
    /// A definition in Amazon States Language, as JSON.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where the picture goes [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write a Mermaid flowchart instead of SVG.
    #[arg(long)]
    pub mermaid: bool,

    /// Fill a placeholder: `${NAME}` in the text becomes VALUE. Those of the image workflow have values.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub placeholders: Vec<(String, String)>,
}

/// `darkroom jsonata`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom jsonata '$sum([1..10])'
  darkroom jsonata '$states.input.orders[price > 100].id' input.json
  darkroom jsonata 'orders.{ \"id\": id, \"total\": price * $rate }' input.json --bind rate=1.19
  curl -s https://example.com/orders | darkroom jsonata '$count(orders)' -

In a state an expression stands between {% and %}, reads its input as `$states.input` and its variables by name.
Here `$` is the input as well, which AWS does not allow at the top of an expression: it is for trying things out.

AWS's functions are there: $partition, $range, $hash, $random(seed), $uuid, $parse; $eval is not. An evaluation takes
at most 250 ms and 64 MiB.

Exit codes: 0 it has a value, or is undefined (nothing on standard output, a note on standard error); 1 it is wrong or
failed, or its value is a function; 2 a file could not be read or is not JSON.")]
pub struct JsonataArguments {
    /// The expression, without {% and %}.
    #[arg(value_name = "EXPR")]
    pub expression: String,

    /// JSON that is `$` and `$states.input`; `-` is standard input [default: both are undefined].
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Bind a variable: `$NAME` is the value of the JSON text.
    #[arg(long = "bind", value_name = "NAME=JSON", value_parser = assignment)]
    pub bindings: Vec<(String, String)>,

    /// Print on one line, as is done anyway where the output is no terminal.
    #[arg(long)]
    pub json: bool,
}

/// `darkroom bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  darkroom bench                                       everything, about two minutes
  darkroom bench --only image --only pass10 --seconds 5
  darkroom bench --concurrency 16 --durable-only --json | jq '.measurements[].executionsPerSecond'
  darkroom bench --endpoint http://127.0.0.1:4566 --pid 4711 --lambda-listen 127.0.0.1:9009
  darkroom bench --cost-of metrics --only image --concurrency 128     what metrics cost, in processor time
  darkroom bench --cost-of log --only pass1 --rounds 30 --json | jq '.costs[].ratio'

Workloads:
  pass1, pass10   one Pass state, ten in a row
  choice          three Choice states, with data made between them
  map100          an inline Map over a hundred items
  parallel5       a Parallel with five branches
  image           three Lambda tasks, each followed by a Choice; the functions answer at once
  sync1           StartSyncExecution of one Pass state, which is not written to disk

An execution counts from StartExecution's call to the DescribeExecution that says SUCCEEDED. A server is started for it,
in a process of its own: CPU and memory are that one's, and the clients' work is not in them. Each figure is taken with
every acknowledged step on disk, and again without syncs, which shows what the engine could do on a faster disk.
Compare figures of two machines, or of a busy one, by the last column: it is in units of that disk.

What a part costs is finer than how executions a second vary from minute to minute. So two servers are loaded in turns,
one with the part and one without, round by round; each round says by how much the processor time of an execution grows,
and the figure is the median of the rounds, beside how far they lie apart.

Exit codes: 0 everything was measured, 1 some executions did not succeed, 2 the command could not begin.")]
pub struct BenchArguments {
    /// Measure only this workload; may be repeated.
    #[arg(long, value_name = "WORKLOAD",
          value_parser = ["pass1", "pass10", "choice", "map100", "parallel5", "image", "sync1"])]
    pub only: Vec<String>,

    /// How many executions are under way at once, one figure for each.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,16,128",
          value_parser = concurrency)]
    pub concurrency: Vec<usize>,

    /// How long each figure is measured.
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,

    /// Leave out the figures without syncs.
    #[arg(long)]
    pub durable_only: bool,

    /// Measure what this part of a server costs instead: by how much the processor time of an execution grows with it, on
    /// two servers, one without it and one with it, that are loaded in turns.
    #[arg(long, value_name = "PART", conflicts_with_all = ["endpoint", "durable_only"])]
    pub cost_of: Option<CostOf>,

    /// How often each of the two is loaded, --seconds each time.
    #[arg(long, value_name = "N", default_value_t = 12, requires = "cost_of", value_parser = rounds)]
    pub rounds: usize,

    /// Where the servers' data folders are made: the disk that is measured. They are removed afterwards.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,

    /// Measure a server that runs already. Its state machines are made for it and deleted.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,

    /// That server's process, for CPU and memory.
    #[arg(long, value_name = "PID", requires = "endpoint")]
    pub pid: Option<u32>,

    /// Where the tasks' functions are served; that server has to call them there.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub lambda_listen: SocketAddr,

    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// What watching consists of, and so what costs of it can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CostOf {
    /// Metrics, for CloudWatch and Prometheus.
    Metrics,
    /// The server's own log at the level info, beside none.
    Log,
    /// Execution logs: of everything, with its data.
    ExecutionLog,
    /// Traces of all executions.
    Traces,
}

/// Rounds that a cost is measured in at most.
const ROUNDS_MAX: usize = 1_000;

fn rounds(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=ROUNDS_MAX).contains(number));
    number.ok_or_else(|| format!("it is a number from 1 to {ROUNDS_MAX}"))
}

/// Clients that a measurement has at most: each is a connection.
const CLIENTS_MAX: usize = 4_096;

fn concurrency(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=CLIENTS_MAX).contains(number));
    number.ok_or_else(|| format!("it is a number from 1 to {CLIENTS_MAX}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| (0.05..=3600.0).contains(number));
    number.ok_or_else(|| "it is a number of seconds from 0.05 to 3600".to_owned())
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("an account has 12 digits".to_owned())
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`; write NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}
