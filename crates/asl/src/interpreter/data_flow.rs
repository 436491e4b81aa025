//! Input and output processing: how a state's fields shape what goes in and what comes out.
//!
//! A payload that a field leaves whole is passed on as it is: no parse, no copy, the caller's own text.
//! Failures carry AWS's texts without the sentence that names the state; the turn adds that one.
//!
//! Spec: States Language, "Input and Output Processing".

use std::cell::OnceCell;

use super::context::Item;
use super::event::BranchId;
use super::execution::Execution;
use super::inspection::{Step, Trial};
use super::queries::Queries;
use super::turn::Leave;
use super::{Limits, Random, Stopwatch};
use crate::data::{Environment, Expression, Path, QueryTemplate, Template, Timestamp};
use crate::definition::{
    Assign, CaughtOutput, DataFlow, PathFlow, PayloadTemplate, ResultPath, Selection, Transition,
};
use crate::failure::Failure;
use crate::json::{Object, Payload, Text, Value};

/// What the fields of a branch's state are evaluated against.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) execution: &'a Execution,
    pub(super) branch: BranchId,
    pub(super) now: Timestamp,
    pub(super) random: &'a dyn Random,
    pub(super) stopwatch: Stopwatch,
    pub(super) limits: &'a Limits,
    pub(super) item: Option<&'a Item>,
    /// `$$.Task.Token`, where the call at hand is one that somebody reports back about.
    pub(super) task_token: Option<&'a Text>,
    /// Of a state that is tested on its own.
    pub(super) trial: Option<Trial<'a>>,
}

/// A scene with its input: what an expression sees.
struct View<'a> {
    scene: Scene<'a>,
    input: &'a Value,
    context: OnceCell<Value>,
}

impl Environment for View<'_> {
    fn input(&self) -> &Value {
        self.input
    }

    fn context(&self) -> &Value {
        self.context.get_or_init(|| self.scene.context())
    }

    fn variable(&self, name: &str) -> Option<Value> {
        let Scene { execution, branch, .. } = self.scene;
        execution.variable(branch, name).map(|payload| payload.value().clone())
    }

    fn random_u64(&self) -> u64 {
        self.scene.random.next_u64()
    }
}

impl<'a> Scene<'a> {
    /// The context object.
    pub(super) fn context(self) -> Value {
        match self.trial {
            Some(trial) => trial.context(self.item, self.task_token),
            None => self.execution.context(self.branch, self.item, self.task_token),
        }
    }

    /// Tells whoever looks on what a step made of the state's data.
    pub(super) fn took(self, step: Step, data: &Payload) {
        if let Some(trial) = self.trial {
            trial.steps.add(step, data);
        }
    }

    /// The environment in which `$` is `input`.
    pub(super) fn view(self, input: &'a Value) -> impl Environment + 'a {
        View { scene: self, input, context: OnceCell::new() }
    }

    /// `InputPath`, `OutputPath`, `ItemsPath`: the part of `whole` that is meant.
    pub(super) fn select(self, selection: &Selection, whole: &Payload) -> Result<Payload, Failure> {
        match selection {
            Selection::Whole => Ok(whole.clone()),
            Selection::Empty => Ok(Payload::from_value(Value::from(Object::new()))),
            Selection::At(path) => self.at(path, whole).map(Payload::from_value),
        }
    }

    /// What a path finds; a miss is AWS's `Invalid path` failure.
    pub(super) fn at(self, path: &Path, input: &Payload) -> Result<Value, Failure> {
        path.select(&self.view(input.value())).map_err(|miss| miss.failure(path))
    }

    /// What a path finds, if anything.
    pub(super) fn find(self, path: &Path, input: &Payload) -> Option<Value> {
        path.select(&self.view(input.value())).ok()
    }

    /// `ErrorPath`, `CausePath`: what the expression in that field yields.
    pub(super) fn evaluate(
        self,
        expression: &Expression,
        field: &str,
        input: &Payload,
    ) -> Result<Value, Failure> {
        expression.evaluate(&self.view(input.value()), field)
    }

    /// `Parameters`, `ResultSelector`: `whole` shaped by the template, or as it is.
    pub(super) fn shape(self, template: Option<&Template>, whole: &Payload) -> Result<Payload, Failure> {
        match template {
            None => Ok(whole.clone()),
            Some(template) => template.evaluate(&self.view(whole.value())).map(Payload::from_value),
        }
    }

    /// `Assign` of a `JSONPath` state: the variables, each evaluated with what was there before any of them.
    fn assign(self, template: &Template, input: &Payload) -> Result<Vec<(Text, Payload)>, Failure> {
        let values = template.evaluate_members(&self.view(input.value()))?;
        Ok(values.iter().map(|(name, value)| (name.clone(), Payload::from_value(value.clone()))).collect())
    }
}

/// Fields that both languages have. `JSONPath` sees `$`, which is given; `JSONata` sees what its [`Queries`] hold.
impl Queries<'_> {
    /// What the state works on: what `InputPath` picks, or the raw input.
    pub(super) fn effective(&self, flow: &DataFlow) -> Result<Payload, Failure> {
        match flow {
            DataFlow::JsonPath(flow) => {
                let effective = self.scene().select(&flow.input_path, self.raw())?;
                self.scene().took(Step::AfterInputPath, &effective);
                Ok(effective)
            }
            DataFlow::Jsonata(_) => Ok(self.raw().clone()),
        }
    }

    /// `Parameters`, `Arguments`, `ItemSelector`, `Credentials`: the template filled, or `whole`.
    pub(super) fn fill(
        &self,
        template: Option<&PayloadTemplate>,
        field: &str,
        whole: &Payload,
    ) -> Result<Payload, Failure> {
        match template {
            None => Ok(whole.clone()),
            Some(PayloadTemplate::JsonPath(template)) => self.scene().shape(Some(template), whole),
            Some(PayloadTemplate::Jsonata(template)) => template.evaluate(self, field),
        }
    }

    /// `Assign`: the variables, each evaluated with what was there before any of them.
    pub(super) fn assign(&self, assign: &Assign, input: &Payload) -> Result<Vec<(Text, Payload)>, Failure> {
        match &assign.0 {
            None => Ok(Vec::new()),
            Some(PayloadTemplate::JsonPath(template)) => self.scene().assign(template, input),
            Some(PayloadTemplate::Jsonata(template)) => template.evaluate_members(self, "Assign"),
        }
    }

    /// How the state is left with `found`: its result, or the effective input of a state that has none.
    pub(super) fn leave(
        &self,
        flow: &DataFlow,
        assign: &Assign,
        transition: Transition,
        found: &Payload,
    ) -> Result<Leave, Failure> {
        match flow {
            DataFlow::JsonPath(PathFlow { result_selector, result_path, output_path, .. }) => {
                let result = self.scene().shape(result_selector.as_ref(), found)?;
                self.scene().took(Step::AfterResultSelector, &result);
                let assigned = self.assign(assign, &result)?;
                let merged = merge(result_path, self.raw(), &result)?;
                self.scene().took(Step::AfterResultPath, &merged);
                let output = self.scene().select(output_path, &merged)?;
                Ok(Leave { output, assigned, transition })
            }
            DataFlow::Jsonata(output) => {
                let output = self.output(output.as_ref(), "Output", found)?;
                let assigned = self.assign(assign, found)?;
                Ok(Leave { output, assigned, transition })
            }
        }
    }

    /// How the state is left by a catcher.
    pub(super) fn leave_caught(
        &self,
        output: &CaughtOutput,
        assign: &Assign,
        transition: Transition,
        error: &Payload,
    ) -> Result<Leave, Failure> {
        let output = match output {
            CaughtOutput::At(result_path) => merge(result_path, self.raw(), error)?,
            CaughtOutput::Query(output) => self.output(output.as_ref(), "Output", error)?,
        };
        let assigned = self.assign(assign, error)?;
        Ok(Leave { output, assigned, transition })
    }

    /// `Output`, or `otherwise` where there is none.
    pub(super) fn output(
        &self,
        output: Option<&QueryTemplate>,
        field: &str,
        otherwise: &Payload,
    ) -> Result<Payload, Failure> {
        match output {
            None => Ok(otherwise.clone()),
            Some(template) => template.evaluate(self, field),
        }
    }
}

/// `ResultPath`: the raw input and the result, put together.
pub(super) fn merge(result_path: &ResultPath, raw: &Payload, result: &Payload) -> Result<Payload, Failure> {
    match result_path {
        ResultPath::Replace => Ok(result.clone()),
        ResultPath::Discard => Ok(raw.clone()),
        ResultPath::At(path) => path
            .put(raw.value(), result.value().clone())
            .map(Payload::from_value)
            .map_err(|error| error.failure(path)),
    }
}
