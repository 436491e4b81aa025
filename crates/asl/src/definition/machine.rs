//! The checked state machine: what a definition becomes once nothing about it can be wrong.
//!
//! Every `Next` is an index, every path, template and intrinsic is parsed, and what cannot be executed
//! cannot be represented. The states of the whole machine, nested ones included, stand in one arena;
//! a branch or an item processor is an entry point into it. Made by [`super::parse`], and by nothing else.
//!
//! Spec: States Language, "Structure of a State Machine".

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::distributed::Distributed;
use crate::data::choice::Rule;
use crate::data::{Expression, Path, Query, QueryTemplate, ReferencePath, Template};
use crate::json::{Text, Value};

/// A definition that can be executed.
#[derive(Debug, PartialEq)]
pub struct StateMachine {
    /// `Comment`, for people.
    pub comment: Option<Text>,
    /// Where an execution starts.
    pub start_at: StateIndex,
    /// `TimeoutSeconds` of the machine: an execution that outlives it ends `TIMED_OUT`.
    pub timeout_seconds: Option<u32>,
    /// Every state of the machine, those of branches and item processors included.
    states: Vec<State>,
    /// Whether any of them may take long.
    may_take_long: bool,
    /// Where each of them stands. Only ever asked for one name: a map's order would be chance.
    by_name: HashMap<Text, StateIndex>,
}

/// A state's place in [`StateMachine::state`]'s arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateIndex(u32);

/// One state.
#[derive(Debug, PartialEq)]
pub struct State {
    /// Unique in the machine.
    pub name: Text,
    /// What it does.
    pub kind: StateKind,
    /// The variables that its fields read, in alphabetical order.
    pub variables: Vec<Text>,
    /// Whether what is evaluated while a branch is in it may take longer than its data is large: one of its own
    /// expressions, or of a state around it, is not known to be quick.
    pub may_take_long: bool,
}

/// The eight state types.
#[derive(Debug, PartialEq)]
pub enum StateKind {
    /// Does work.
    Task(Box<Task>),
    /// Passes its input on, shaped.
    Pass(Box<Pass>),
    /// Branches on its input.
    Choice(Box<Choice>),
    /// Waits.
    Wait(Box<Wait>),
    /// Ends its branch well.
    Succeed(Succeed),
    /// Ends its branch badly.
    Fail(Fail),
    /// Runs branches side by side.
    Parallel(Box<Parallel>),
    /// Runs one processor for each item.
    Map(Box<Map>),
}

/// Where a state goes when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// `Next`.
    Next(StateIndex),
    /// `End: true`.
    End,
}

/// `InputPath`, `OutputPath` and `ItemsPath`: a part of what is there.
#[derive(Debug, Default, PartialEq)]
pub enum Selection {
    /// Absent or `"$"`.
    #[default]
    Whole,
    /// `null`: an empty object instead.
    Empty,
    /// A path.
    At(Path),
}

/// `ResultPath`. Spec: "Input and Output Processing".
#[derive(Debug, Default, PartialEq)]
pub enum ResultPath {
    /// Absent or `"$"`: the result replaces the input.
    #[default]
    Replace,
    /// `null`: the result is discarded and the input goes on.
    Discard,
    /// A reference path: the result is put there, in the raw input.
    At(ReferencePath),
}

/// What becomes of a state's data on its way out, by the state's query language. Spec: "Query Languages".
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "the states that hold one are boxed")]
pub enum DataFlow {
    /// Paths into what is there.
    JsonPath(PathFlow),
    /// `Output`; absent, the result goes on, or the input where there is none.
    Jsonata(Option<QueryTemplate>),
}

/// The fields of a `JSONPath` state that pick and place. Those that its type does not have are as if absent.
#[derive(Debug, Default, PartialEq)]
pub struct PathFlow {
    /// The part of the input that the state works on.
    pub input_path: Selection,
    /// What of the answer counts as the result.
    pub result_selector: Option<Template>,
    /// Where the result goes.
    pub result_path: ResultPath,
    /// What goes on to the next state.
    pub output_path: Selection,
}

/// JSON of which parts are computed, in either language.
#[derive(Debug, PartialEq)]
pub enum PayloadTemplate {
    /// Members whose names end in `.$`.
    JsonPath(Template),
    /// Strings that are `{% … %}`.
    Jsonata(QueryTemplate),
}

/// `Assign`: variables and their values as one template, an object; `None` assigns nothing.
#[derive(Debug, Default, PartialEq)]
pub struct Assign(pub Option<PayloadTemplate>);

/// A Task state.
#[derive(Debug, PartialEq)]
pub struct Task {
    /// What it calls.
    pub resource: Resource,
    /// What becomes of its data.
    pub flow: DataFlow,
    /// `Parameters` or `Arguments`: what is sent, when it is not the effective input.
    pub arguments: Option<PayloadTemplate>,
    /// Variables set on the way out.
    pub assign: Assign,
    /// The next state.
    pub transition: Transition,
    /// Retriers, tried in order.
    pub retry: Vec<Retrier>,
    /// Catchers, tried in order.
    pub catch: Vec<Catcher>,
    /// How long one attempt may take.
    pub timeout: Option<Seconds>,
    /// How long a worker may be silent.
    pub heartbeat: Option<Seconds>,
    /// `Credentials`: the role to call as.
    pub credentials: Option<PayloadTemplate>,
}

/// A Task's `Resource`, told apart by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A Lambda function by its own ARN.
    LambdaFunction {
        /// The function's ARN, as written.
        arn: Text,
    },
    /// A service integration: `arn:aws:states:::<service>:<action>[.<pattern>]`.
    Service {
        /// The ARN as written.
        arn: Text,
        /// `lambda`, `sns`, `aws-sdk:s3`: the history's `resourceType`.
        resource_type: Text,
        /// `invoke`, `startExecution.sync:2`: the history's `resource`, its suffix kept.
        resource: Text,
        /// How the state learns of the end.
        pattern: Pattern,
    },
    /// An activity, polled by workers.
    Activity {
        /// The activity's ARN.
        arn: Text,
    },
}

impl Resource {
    /// Whether a task of it has a token, with which somebody outside reports on it.
    ///
    /// AWS: recorded: a job that is waited for has one too.
    pub fn has_token(&self) -> bool {
        match self {
            Self::Activity { .. }
            | Self::Service { pattern: Pattern::RunAJob | Pattern::WaitForTaskToken, .. } => true,
            Self::LambdaFunction { .. } | Self::Service { pattern: Pattern::RequestResponse, .. } => false,
        }
    }
}

/// The service integration patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The answer of the call is the result.
    RequestResponse,
    /// `.sync`, `.sync:2`: the end of the job is.
    RunAJob,
    /// `.waitForTaskToken`: what comes back with the token is.
    WaitForTaskToken,
}

/// A number of seconds, given, read from the input or computed.
#[derive(Debug, PartialEq)]
pub enum Seconds {
    /// Written in the definition.
    Fixed(u32),
    /// `…SecondsPath`.
    At(Path),
    /// An expression.
    Query(Query),
}

/// A number that bounds a Map, given, read from the input or computed.
#[derive(Debug, PartialEq)]
pub enum Count {
    /// Written in the definition.
    Fixed(f64),
    /// `…Path`.
    At(Path),
    /// An expression.
    Query(Query),
}

/// A Pass state.
#[derive(Debug, PartialEq)]
pub struct Pass {
    /// What becomes of its data.
    pub flow: DataFlow,
    /// `Parameters`: shapes the effective input.
    pub parameters: Option<Template>,
    /// A fixed result, in place of the effective input.
    pub result: Option<Value>,
    /// Variables set on the way out.
    pub assign: Assign,
    /// The next state.
    pub transition: Transition,
}

/// A Choice state.
#[derive(Debug, PartialEq)]
pub struct Choice {
    /// What becomes of its data.
    pub flow: DataFlow,
    /// The rules, tried in order.
    pub choices: Vec<ChoiceRule>,
    /// Where to go when no rule matches.
    pub default: Option<StateIndex>,
    /// Variables set when the default is taken, or a rule has no `Assign` of its own.
    pub assign: Assign,
}

/// One entry of `Choices`.
#[derive(Debug, PartialEq)]
pub struct ChoiceRule {
    /// What must hold.
    pub condition: Condition,
    /// Where to go then.
    pub next: StateIndex,
    /// The rule's own `Output`, in place of the state's.
    pub output: Option<QueryTemplate>,
    /// The rule's own `Assign`, in place of the state's.
    pub assign: Option<Assign>,
}

/// What must hold for a rule to be taken.
#[derive(Debug, PartialEq)]
pub enum Condition {
    /// `Variable` and an operator, or rules combined.
    Rule(Rule),
    /// `Condition`, written down.
    Fixed(bool),
    /// `Condition`: an expression that yields a boolean.
    Query(Query),
}

/// A Wait state.
#[derive(Debug, PartialEq)]
pub struct Wait {
    /// What becomes of its data.
    pub flow: DataFlow,
    /// Until when.
    pub until: WaitUntil,
    /// Variables set on the way out.
    pub assign: Assign,
    /// The next state.
    pub transition: Transition,
}

/// The forms of a Wait.
#[derive(Debug, PartialEq)]
pub enum WaitUntil {
    /// `Seconds`.
    Seconds(u32),
    /// `SecondsPath`.
    SecondsPath(Path),
    /// `Timestamp`.
    Timestamp(crate::data::Timestamp),
    /// `TimestampPath`.
    TimestampPath(Path),
    /// `Seconds`, computed.
    SecondsQuery(Query),
    /// `Timestamp`, computed.
    TimestampQuery(Query),
}

/// A Succeed state.
#[derive(Debug, PartialEq)]
pub struct Succeed {
    /// What becomes of its data.
    pub flow: DataFlow,
}

/// A Fail state.
#[derive(Debug, PartialEq)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<FailText>,
    /// `Cause` or `CausePath`.
    pub cause: Option<FailText>,
}

/// A Fail state's text, given, read from the input or computed.
#[derive(Debug, PartialEq)]
pub enum FailText {
    /// Written in the definition.
    Fixed(Text),
    /// `ErrorPath`, `CausePath`: a path or an intrinsic that yields a string.
    At(Expression),
    /// An expression that yields a string.
    Query(Query),
}

/// A Parallel state.
#[derive(Debug, PartialEq)]
pub struct Parallel {
    /// What becomes of its data.
    pub flow: DataFlow,
    /// `Parameters` or `Arguments`: what each branch starts with, when it is not the effective input.
    pub arguments: Option<PayloadTemplate>,
    /// The branches' entry points.
    pub branches: Vec<StateIndex>,
    /// Variables set on the way out.
    pub assign: Assign,
    /// The next state.
    pub transition: Transition,
    /// Retriers, tried in order.
    pub retry: Vec<Retrier>,
    /// Catchers, tried in order.
    pub catch: Vec<Catcher>,
}

/// A Map state.
#[derive(Debug, PartialEq)]
pub struct Map {
    /// What becomes of its data.
    pub flow: DataFlow,
    /// The array to go over.
    pub items: Items,
    /// `ItemSelector`, or `Parameters` as it was called before: what each iteration starts with, when it is not
    /// the item.
    pub item_selector: Option<PayloadTemplate>,
    /// The item processor's entry point.
    pub processor: StateIndex,
    /// How iterations are run.
    pub mode: Mode,
    /// How many iterations run at once; 0 is no limit.
    pub max_concurrency: Count,
    /// `ToleratedFailureCount` or its path.
    pub tolerated_failure_count: Option<Count>,
    /// `ToleratedFailurePercentage` or its path.
    pub tolerated_failure_percentage: Option<Count>,
    /// Variables set on the way out.
    pub assign: Assign,
    /// The next state.
    pub transition: Transition,
    /// Retriers, tried in order.
    pub retry: Vec<Retrier>,
    /// Catchers, tried in order.
    pub catch: Vec<Catcher>,
}

/// `Mode` of a `ProcessorConfig`.
#[derive(Debug, PartialEq)]
pub enum Mode {
    /// As branches of the execution.
    Inline,
    /// As executions of their own.
    Distributed(Box<Distributed>),
}

/// What a Map goes over.
#[derive(Debug, PartialEq)]
pub enum Items {
    /// `ItemsPath`: a part of the effective input.
    At(Selection),
    /// `Items`; absent, the input itself.
    Query(Option<QueryTemplate>),
}

/// One entry of `Retry`. Spec: "Retrying after error".
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// What it matches.
    pub error_equals: Vec<Text>,
    /// The first delay.
    pub interval_seconds: u32,
    /// How often, at most; 0 is never.
    pub max_attempts: u32,
    /// By what the delay grows.
    pub backoff_rate: f64,
    /// The longest delay.
    pub max_delay_seconds: Option<NonZeroU32>,
    /// Whether the delay is drawn.
    pub jitter: Jitter,
}

/// `JitterStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// The delay as computed.
    #[default]
    None,
    /// Uniform between nothing and the delay as computed.
    Full,
}

/// One entry of `Catch`. Spec: "Fallback states".
#[derive(Debug, PartialEq)]
pub struct Catcher {
    /// What it matches.
    pub error_equals: Vec<Text>,
    /// Where to go.
    pub next: StateIndex,
    /// What the error output becomes.
    pub output: CaughtOutput,
    /// Variables set on the way, in place of the state's own.
    pub assign: Assign,
}

/// What a catcher makes of the error output.
#[derive(Debug, PartialEq)]
pub enum CaughtOutput {
    /// `ResultPath`: where it goes, in the raw input.
    At(ResultPath),
    /// `Output`; absent, the error output goes on.
    Query(Option<QueryTemplate>),
}

impl StateIndex {
    /// The index as a number, dense from 0 in a machine.
    pub fn as_usize(self) -> usize {
        self.0 as usize
    }

    /// The index of the `position`-th state of the arena under construction.
    pub(super) fn new(position: usize) -> Self {
        Self(u32::try_from(position).expect("a definition of at most 1 MiB has fewer than 2^32 states"))
    }
}

impl StateMachine {
    /// Takes states whose transitions all point into `states`.
    pub(super) fn new(
        comment: Option<Text>,
        start_at: StateIndex,
        timeout_seconds: Option<u32>,
        states: Vec<State>,
    ) -> Arc<Self> {
        let by_name = states.iter().enumerate();
        let by_name =
            by_name.map(|(position, state)| (state.name.clone(), StateIndex::new(position))).collect();
        let may_take_long = states.iter().any(|state| state.may_take_long);
        Arc::new(Self { comment, start_at, timeout_seconds, states, may_take_long, by_name })
    }

    /// The state at `index`. Panics for an index of another machine.
    pub fn state(&self, index: StateIndex) -> &State {
        &self.states[index.as_usize()]
    }

    /// Whether any state [may take long](State::may_take_long).
    pub fn may_take_long(&self) -> bool {
        self.may_take_long
    }

    /// The state named so, wherever it stands.
    pub fn find(&self, name: &str) -> Option<StateIndex> {
        self.by_name.get(name).copied()
    }

    /// Every state with its index.
    pub fn states(&self) -> impl Iterator<Item = (StateIndex, &State)> {
        self.states.iter().enumerate().map(|(position, state)| (StateIndex::new(position), state))
    }
}

impl StateKind {
    /// What becomes of its data; a Fail has none that goes on.
    pub fn flow(&self) -> Option<&DataFlow> {
        match self {
            Self::Task(task) => Some(&task.flow),
            Self::Pass(pass) => Some(&pass.flow),
            Self::Choice(choice) => Some(&choice.flow),
            Self::Wait(wait) => Some(&wait.flow),
            Self::Succeed(succeed) => Some(&succeed.flow),
            Self::Parallel(parallel) => Some(&parallel.flow),
            Self::Map(map) => Some(&map.flow),
            Self::Fail(_) => None,
        }
    }

    /// Whether something in it is `JSONata`.
    pub fn is_in_jsonata(&self) -> bool {
        match self {
            Self::Fail(fail) => {
                [&fail.error, &fail.cause].into_iter().any(|text| matches!(text, Some(FailText::Query(_))))
            }
            Self::Task(_)
            | Self::Pass(_)
            | Self::Choice(_)
            | Self::Wait(_)
            | Self::Succeed(_)
            | Self::Parallel(_)
            | Self::Map(_) => matches!(self.flow(), Some(DataFlow::Jsonata(_))),
        }
    }
}

impl State {
    /// Where a state can go within its scope.
    pub(crate) fn targets(&self) -> Vec<StateIndex> {
        let next = |transition: Transition| match transition {
            Transition::Next(target) => Some(target),
            Transition::End => None,
        };
        let own = match &self.kind {
            StateKind::Task(task) => next(task.transition),
            StateKind::Pass(pass) => next(pass.transition),
            StateKind::Wait(wait) => next(wait.transition),
            StateKind::Parallel(parallel) => next(parallel.transition),
            StateKind::Map(map) => next(map.transition),
            StateKind::Choice(choice) => choice.default,
            StateKind::Succeed(_) | StateKind::Fail(_) => None,
        };
        let rules = match &self.kind {
            StateKind::Choice(choice) => choice.choices.as_slice(),
            StateKind::Task(_)
            | StateKind::Pass(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_)
            | StateKind::Parallel(_)
            | StateKind::Map(_) => &[],
        };
        let catchers = self.catch().iter().map(|catcher| catcher.next);
        own.into_iter().chain(rules.iter().map(|rule| rule.next)).chain(catchers).collect()
    }

    /// The Retriers, empty for the types that have none.
    pub fn retry(&self) -> &[Retrier] {
        match &self.kind {
            StateKind::Task(task) => &task.retry,
            StateKind::Parallel(parallel) => &parallel.retry,
            StateKind::Map(map) => &map.retry,
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => &[],
        }
    }

    /// The Catchers, empty for the types that have none.
    pub fn catch(&self) -> &[Catcher] {
        match &self.kind {
            StateKind::Task(task) => &task.catch,
            StateKind::Parallel(parallel) => &parallel.catch,
            StateKind::Map(map) => &map.catch,
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => &[],
        }
    }
}
