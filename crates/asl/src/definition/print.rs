//! A checked machine back as JSON, in one canonical form.
//!
//! Reading what is printed gives the same machine. Defaults are left out, old names are replaced by their
//! present ones (`Iterator` by `ItemProcessor`), and comments of states are gone, since a [`StateMachine`] does
//! not keep them.
//!
//! Spec: States Language.

mod distributed;

use std::collections::HashMap;

use super::machine::{
    Assign, Catcher, CaughtOutput, Choice, Condition, Count, DataFlow, Fail, FailText, Items, Jitter, Map,
    Mode, Parallel, Pass, PayloadTemplate, Resource, ResultPath, Retrier, Seconds, Selection, State,
    StateIndex, StateKind, StateMachine, Succeed, Task, Transition, Wait, WaitUntil,
};
use crate::data::QueryTemplate;
use crate::data::timestamp::Instant;
use crate::json::{Object, Text, Value};

/// Prints a machine as its definition.
pub fn to_json(machine: &StateMachine) -> Value {
    let mut top = Object::new();
    if let Some(comment) = &machine.comment {
        top.insert("Comment", comment.clone());
    }
    if let Some(seconds) = machine.timeout_seconds {
        top.insert("TimeoutSeconds", u64::from(seconds));
    }
    let printer = Printer { machine, scopes: scopes(machine) };
    printer.scope(machine.start_at, &mut top);
    top.into()
}

struct Printer<'m> {
    machine: &'m StateMachine,
    /// The states of each scope, by its start, in their order.
    scopes: HashMap<StateIndex, Vec<StateIndex>>,
}

/// Finds the states of each scope: what its start leads to.
fn scopes(machine: &StateMachine) -> HashMap<StateIndex, Vec<StateIndex>> {
    let mut starts = vec![machine.start_at];
    for (_, state) in machine.states() {
        match &state.kind {
            StateKind::Parallel(parallel) => starts.extend(&parallel.branches),
            StateKind::Map(map) => starts.push(map.processor),
            StateKind::Task(_)
            | StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => {}
        }
    }
    let mut scopes = HashMap::with_capacity(starts.len());
    // Scopes don't overlap.
    let mut reached = vec![false; machine.states().count()];
    for start in starts {
        let mut states = Vec::new();
        let mut waiting = vec![start];
        while let Some(index) = waiting.pop() {
            if !std::mem::replace(&mut reached[index.as_usize()], true) {
                states.push(index);
                waiting.extend(machine.state(index).targets());
            }
        }
        states.sort_unstable();
        scopes.insert(start, states);
    }
    scopes
}

impl Printer<'_> {
    fn name(&self, index: StateIndex) -> Text {
        self.machine.state(index).name.clone()
    }

    /// `StartAt` and `States`. As deep as states nest.
    fn scope(&self, start: StateIndex, into: &mut Object) {
        let mut states = Object::new();
        for index in &self.scopes[&start] {
            let state = self.machine.state(*index);
            states.insert(state.name.clone(), self.state(state));
        }
        into.insert("StartAt", self.name(start));
        into.insert("States", states);
    }

    fn nested(&self, start: StateIndex) -> Value {
        let mut scope = Object::new();
        self.scope(start, &mut scope);
        scope.into()
    }

    fn state(&self, state: &State) -> Value {
        let mut fields = Object::new();
        if state.kind.is_in_jsonata() {
            fields.insert("QueryLanguage", "JSONata");
        }
        match &state.kind {
            StateKind::Task(task) => self.task(task, &mut fields),
            StateKind::Pass(pass) => self.pass(pass, &mut fields),
            StateKind::Choice(choice) => self.choice(choice, &mut fields),
            StateKind::Wait(wait) => self.wait(wait, &mut fields),
            StateKind::Succeed(succeed) => print_succeed(succeed, &mut fields),
            StateKind::Fail(fail) => print_fail(fail, &mut fields),
            StateKind::Parallel(parallel) => self.parallel(parallel, &mut fields),
            StateKind::Map(map) => self.map(map, &mut fields),
        }
        fields.into()
    }

    fn task(&self, task: &Task, into: &mut Object) {
        into.insert("Type", "Task");
        let (Resource::LambdaFunction { arn } | Resource::Service { arn, .. } | Resource::Activity { arn }) =
            &task.resource;
        into.insert("Resource", arn.clone());
        template("Credentials", task.credentials.as_ref(), into);
        seconds("TimeoutSeconds", task.timeout.as_ref(), into);
        seconds("HeartbeatSeconds", task.heartbeat.as_ref(), into);
        arguments(task.arguments.as_ref(), into);
        data_flow(&task.flow, into);
        assign(&task.assign, into);
        self.retry_and_catch(&task.retry, &task.catch, into);
        self.transition(task.transition, into);
    }

    fn pass(&self, pass: &Pass, into: &mut Object) {
        into.insert("Type", "Pass");
        if let Some(parameters) = &pass.parameters {
            into.insert("Parameters", parameters.to_json());
        }
        if let Some(result) = &pass.result {
            into.insert("Result", result.clone());
        }
        data_flow(&pass.flow, into);
        assign(&pass.assign, into);
        self.transition(pass.transition, into);
    }

    fn choice(&self, choice: &Choice, into: &mut Object) {
        into.insert("Type", "Choice");
        data_flow(&choice.flow, into);
        let rules = choice.choices.iter().map(|entry| {
            let mut rule = match &entry.condition {
                Condition::Rule(rule) => rule.to_json(),
                Condition::Fixed(holds) => condition(*holds),
                Condition::Query(query) => condition(query.text().clone()),
            };
            query_template("Output", entry.output.as_ref(), &mut rule);
            if let Some(own) = &entry.assign {
                assign(own, &mut rule);
            }
            rule.insert("Next", self.name(entry.next));
            Value::from(rule)
        });
        into.insert("Choices", rules.collect::<Vec<_>>());
        if let Some(default) = choice.default {
            into.insert("Default", self.name(default));
        }
        assign(&choice.assign, into);
    }

    fn wait(&self, wait: &Wait, into: &mut Object) {
        into.insert("Type", "Wait");
        data_flow(&wait.flow, into);
        match &wait.until {
            WaitUntil::Seconds(seconds) => into.insert("Seconds", u64::from(*seconds)),
            WaitUntil::SecondsPath(path) => into.insert("SecondsPath", path.text().clone()),
            WaitUntil::Timestamp(timestamp) => {
                into.insert("Timestamp", Instant::from(*timestamp).to_string())
            }
            WaitUntil::TimestampPath(path) => into.insert("TimestampPath", path.text().clone()),
            WaitUntil::SecondsQuery(query) => into.insert("Seconds", query.text().clone()),
            WaitUntil::TimestampQuery(query) => into.insert("Timestamp", query.text().clone()),
        };
        assign(&wait.assign, into);
        self.transition(wait.transition, into);
    }

    fn parallel(&self, parallel: &Parallel, into: &mut Object) {
        into.insert("Type", "Parallel");
        arguments(parallel.arguments.as_ref(), into);
        let branches = parallel.branches.iter().map(|start| self.nested(*start));
        into.insert("Branches", branches.collect::<Vec<_>>());
        data_flow(&parallel.flow, into);
        assign(&parallel.assign, into);
        self.retry_and_catch(&parallel.retry, &parallel.catch, into);
        self.transition(parallel.transition, into);
    }

    fn map(&self, map: &Map, into: &mut Object) {
        into.insert("Type", "Map");
        match &map.items {
            Items::At(path) => selection("ItemsPath", path, into),
            Items::Query(items) => query_template("Items", items.as_ref(), into),
        }
        template("ItemSelector", map.item_selector.as_ref(), into);
        let mut processor = Object::new();
        if let Mode::Distributed(distributed) = &map.mode {
            distributed::state(distributed, into);
            processor.insert("ProcessorConfig", distributed::processor_config(distributed));
        }
        self.scope(map.processor, &mut processor);
        into.insert("ItemProcessor", processor);
        count("MaxConcurrency", Some(&map.max_concurrency), into);
        count("ToleratedFailureCount", map.tolerated_failure_count.as_ref(), into);
        count("ToleratedFailurePercentage", map.tolerated_failure_percentage.as_ref(), into);
        data_flow(&map.flow, into);
        assign(&map.assign, into);
        self.retry_and_catch(&map.retry, &map.catch, into);
        self.transition(map.transition, into);
    }

    fn transition(&self, transition: Transition, into: &mut Object) {
        match transition {
            Transition::Next(target) => into.insert("Next", self.name(target)),
            Transition::End => into.insert("End", true),
        };
    }

    fn retry_and_catch(&self, retry: &[Retrier], catch: &[Catcher], into: &mut Object) {
        if !retry.is_empty() {
            into.insert("Retry", retry.iter().map(print_retrier).collect::<Vec<_>>());
        }
        if !catch.is_empty() {
            into.insert("Catch", catch.iter().map(|catcher| self.catcher(catcher)).collect::<Vec<_>>());
        }
    }

    fn catcher(&self, catcher: &Catcher) -> Value {
        let mut fields = Object::new();
        fields.insert("ErrorEquals", names(&catcher.error_equals));
        match &catcher.output {
            CaughtOutput::At(path) => result_path(path, &mut fields),
            CaughtOutput::Query(output) => query_template("Output", output.as_ref(), &mut fields),
        }
        assign(&catcher.assign, &mut fields);
        fields.insert("Next", self.name(catcher.next));
        fields.into()
    }
}

/// The one field that a `JSONata` rule has in the place of its comparison.
fn condition(value: impl Into<Value>) -> Object {
    [(Text::from("Condition"), value.into())].into_iter().collect()
}

fn print_succeed(succeed: &Succeed, into: &mut Object) {
    into.insert("Type", "Succeed");
    data_flow(&succeed.flow, into);
}

fn print_fail(fail: &Fail, into: &mut Object) {
    into.insert("Type", "Fail");
    for (name, text) in [("Error", &fail.error), ("Cause", &fail.cause)] {
        match text {
            Some(FailText::Fixed(text)) => into.insert(name, text.clone()),
            Some(FailText::At(expression)) => into.insert(format!("{name}Path"), expression.text().clone()),
            Some(FailText::Query(query)) => into.insert(name, query.text().clone()),
            None => None,
        };
    }
}

fn print_retrier(retrier: &Retrier) -> Value {
    let mut fields = Object::new();
    fields.insert("ErrorEquals", names(&retrier.error_equals));
    fields.insert("IntervalSeconds", u64::from(retrier.interval_seconds));
    fields.insert("MaxAttempts", u64::from(retrier.max_attempts));
    fields.insert("BackoffRate", retrier.backoff_rate);
    if let Some(seconds) = retrier.max_delay_seconds {
        fields.insert("MaxDelaySeconds", u64::from(seconds.get()));
    }
    if retrier.jitter == Jitter::Full {
        fields.insert("JitterStrategy", "FULL");
    }
    fields.into()
}

fn names(names: &[Text]) -> Vec<Value> {
    names.iter().cloned().map(Value::from).collect()
}

/// The fields that pick and place, or `Output`.
fn data_flow(flow: &DataFlow, into: &mut Object) {
    match flow {
        DataFlow::JsonPath(flow) => {
            selection("InputPath", &flow.input_path, into);
            if let Some(selector) = &flow.result_selector {
                into.insert("ResultSelector", selector.to_json());
            }
            result_path(&flow.result_path, into);
            selection("OutputPath", &flow.output_path, into);
        }
        DataFlow::Jsonata(output) => query_template("Output", output.as_ref(), into),
    }
}

/// `Parameters` or `Arguments`, by the language that it is in.
fn arguments(arguments: Option<&PayloadTemplate>, into: &mut Object) {
    match arguments {
        Some(PayloadTemplate::JsonPath(_)) => template("Parameters", arguments, into),
        Some(PayloadTemplate::Jsonata(_)) | None => template("Arguments", arguments, into),
    }
}

fn template(name: &'static str, template: Option<&PayloadTemplate>, into: &mut Object) {
    match template {
        None => {}
        Some(PayloadTemplate::JsonPath(template)) => {
            into.insert(name, template.to_json());
        }
        Some(PayloadTemplate::Jsonata(template)) => query_template(name, Some(template), into),
    }
}

fn query_template(name: &'static str, template: Option<&QueryTemplate>, into: &mut Object) {
    if let Some(template) = template {
        into.insert(name, template.to_json());
    }
}

fn assign(assign: &Assign, into: &mut Object) {
    template("Assign", assign.0.as_ref(), into);
}

fn selection(name: &'static str, selection: &Selection, into: &mut Object) {
    match selection {
        Selection::Whole => {}
        Selection::Empty => {
            into.insert(name, Value::Null);
        }
        Selection::At(path) => {
            into.insert(name, path.text().clone());
        }
    }
}

fn result_path(result_path: &ResultPath, into: &mut Object) {
    match result_path {
        ResultPath::Replace => {}
        ResultPath::Discard => {
            into.insert("ResultPath", Value::Null);
        }
        ResultPath::At(path) => {
            into.insert("ResultPath", path.text().clone());
        }
    }
}

fn seconds(name: &'static str, seconds: Option<&Seconds>, into: &mut Object) {
    match seconds {
        None => None,
        Some(Seconds::Fixed(seconds)) => into.insert(name, u64::from(*seconds)),
        Some(Seconds::At(path)) => into.insert(format!("{name}Path"), path.text().clone()),
        Some(Seconds::Query(query)) => into.insert(name, query.text().clone()),
    };
}

/// A count is whole unless it is a percentage; what is whole is printed so.
fn count(name: &'static str, count: Option<&Count>, into: &mut Object) {
    match count {
        None => None,
        Some(Count::At(path)) => into.insert(format!("{name}Path"), path.text().clone()),
        Some(Count::Query(query)) => into.insert(name, query.text().clone()),
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within the bounds of an i64")]
        Some(Count::Fixed(number)) if number.fract() == 0.0 && number.abs() < 9.0e18 => {
            into.insert(name, *number as i64)
        }
        Some(Count::Fixed(number)) => into.insert(name, *number),
    };
}
