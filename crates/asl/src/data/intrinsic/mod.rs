//! Intrinsic functions: `States.Format('{} of {}', $.index, States.ArrayLength($.photos))`.
//!
//! A [`Call`] is compiled once and evaluated against an [`Environment`]. Its arguments are strings in single
//! quotes, numbers, `true`, `false`, `null`, paths and further calls. What functions there are is one table, in
//! `table.rs`; what they do is one file a family.
//!
//! Spec: States Language, "Intrinsic Functions". AWS: a failure is a `States.Runtime`, and not the
//! `States.IntrinsicFailure` that the language names; the number of arguments is looked at when the function
//! is evaluated, not when the state machine is created.

mod array;
mod encoding;
mod json;
mod math;
mod parse;
mod string;
mod table;

use self::table::Function;
use super::cursor::Cursor;
use super::java_text::JavaText;
use super::path::{Path, PathMiss};
use super::{Environment, SyntaxError};
use crate::failure::{Failure, names};
use crate::json::{DEPTH_MAX, Text, Value};

/// Why a text is not a call.
pub type IntrinsicSyntaxError = SyntaxError;

/// How deep calls may nest. AWS: the quota.
pub const NESTING_MAX: usize = 10;

/// How many arguments a call and all the calls in it may have. Our choice.
pub const ARGUMENTS_MAX: usize = 1000;

/// How long a text that a function makes may be, in bytes. Our choice, four times AWS's quota for a payload.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// How many values the outcome of a call may hold. Our choice: AWS's quota for a payload has room for 131,072.
pub const VALUES_MAX: usize = 1_000_000;

/// A compiled call of an intrinsic function.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    text: Text,
    invocation: Invocation,
}

#[derive(Clone, Debug, PartialEq)]
struct Invocation {
    function: &'static Function,
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug, PartialEq)]
enum Argument {
    /// A number, `true`, `false` or `null`.
    Constant(Value),
    /// A string, and how it was written between its quotes: a template gives its braces' backslashes a meaning.
    Text {
        text: Text,
        source: Text,
    },
    Path(Path),
    Call(Invocation),
}

/// Why a function has no value.
enum Fault {
    /// AWS: all that is told about arguments that don't fit.
    Arguments,
    /// The same, with more to tell.
    ArgumentsBecause(&'static str),
    Template(&'static str),
    Miss {
        path: Text,
        miss: PathMiss,
    },
    TooLarge,
}

type Evaluated = Result<Value, Fault>;

impl Call {
    /// Compiles a call. An unknown function is an error here; a wrong number of arguments is not.
    pub fn parse(text: &str) -> Result<Call, IntrinsicSyntaxError> {
        let mut cursor = Cursor::new(text);
        let invocation = parse::call(&mut cursor)?;
        if cursor.is_at_end() {
            return Ok(Call { text: text.into(), invocation });
        }
        Err(cursor.unexpected("the end of the call"))
    }

    /// The call as it was written.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// Shows every path in the arguments, in order.
    pub fn visit_paths(&self, visit: &mut dyn FnMut(&Path)) {
        self.invocation.visit_paths(visit);
    }

    /// The value of the call.
    pub fn evaluate(&self, environment: &dyn Environment) -> Result<Value, Failure> {
        match self.invocation.evaluate(environment) {
            Ok(value) if value.fits(DEPTH_MAX, &mut { VALUES_MAX }) => Ok(value),
            Ok(_) => Err(self.failure((self.function(), Fault::TooLarge), environment)),
            Err(fault) => Err(self.failure(fault, environment)),
        }
    }

    fn function(&self) -> &'static Function {
        self.invocation.function
    }

    /// AWS: the first sentence names the whole expression as written, whichever call in it failed.
    fn failure(&self, (function, fault): (&Function, Fault), environment: &dyn Environment) -> Failure {
        let name = function.name;
        let reason = match fault {
            Fault::Arguments => format!("Invalid arguments in {name}"),
            Fault::ArgumentsBecause(reason) => format!("Invalid arguments in {name}: {reason}"),
            Fault::Template(reason) => format!("Invalid template in {name}: {reason}"),
            Fault::Miss { path, miss } => missing_argument(&path, &miss, environment),
            Fault::TooLarge => {
                let cause = format!("The function '{}' makes a value that is too large", self.text);
                return Failure::new(names::DATA_LIMIT_EXCEEDED, cause);
            }
        };
        let cause = format!("The function '{}' had the following error: {reason}", self.text);
        Failure::new(names::RUNTIME, cause)
    }
}

/// AWS: a path into the context object is told as a path into the input, which is what is shown with it.
fn missing_argument(path: &str, miss: &PathMiss, environment: &dyn Environment) -> String {
    match miss {
        PathMiss::NoResults { .. } | PathMiss::MissingProperty { .. } | PathMiss::NotAnObject { .. } => {
            let path = if path.starts_with("$$") { &path[1..] } else { path };
            let input = environment.input().to_text();
            format!("The JsonPath argument for the field '{path}' could not be found in the input '{input}'")
        }
        PathMiss::Null { .. }
        | PathMiss::NotAnArray { .. }
        | PathMiss::UndefinedVariable { .. }
        | PathMiss::TooLarge => miss.to_string(),
    }
}

impl Invocation {
    fn visit_paths(&self, visit: &mut dyn FnMut(&Path)) {
        for argument in &self.arguments {
            match argument {
                Argument::Path(path) => visit(path),
                Argument::Call(call) => call.visit_paths(visit),
                Argument::Constant(_) | Argument::Text { .. } => {}
            }
        }
    }

    /// Recurses into calls among the arguments, which nest no deeper than [`NESTING_MAX`].
    fn evaluate(&self, environment: &dyn Environment) -> Result<Value, (&'static Function, Fault)> {
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            values.push(match argument {
                Argument::Constant(value) => value.clone(),
                Argument::Text { text, .. } => Value::String(text.clone()),
                Argument::Path(path) => path
                    .select(environment)
                    .map_err(|miss| (self.function, Fault::Miss { path: path.text().clone(), miss }))?,
                Argument::Call(call) => call.evaluate(environment)?,
            });
        }
        let arguments = Arguments { written: &self.arguments, values, environment };
        if !self.function.arguments.contains(&arguments.values.len()) {
            return Err((self.function, Fault::Arguments));
        }
        (self.function.evaluate)(&arguments).map_err(|fault| (self.function, fault))
    }
}

/// The arguments of one evaluation. There are as many as the table allows.
struct Arguments<'a> {
    written: &'a [Argument],
    values: Vec<Value>,
    environment: &'a dyn Environment,
}

impl Arguments<'_> {
    fn value(&self, index: usize) -> Result<&Value, Fault> {
        self.values.get(index).ok_or(Fault::Arguments)
    }

    fn text(&self, index: usize) -> Result<&str, Fault> {
        self.value(index)?.as_str().ok_or(Fault::Arguments)
    }

    fn array(&self, index: usize) -> Result<&[Value], Fault> {
        self.value(index)?.as_array().ok_or(Fault::Arguments)
    }

    /// An integer. AWS: what is behind the point is cut off, towards zero, in every function but `MathAdd`.
    fn integer(&self, index: usize) -> Result<i64, Fault> {
        self.whole(index, f64::trunc)
    }

    fn whole(&self, index: usize, rounded: fn(f64) -> f64) -> Result<i64, Fault> {
        const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
        let number = self.value(index)?.as_number().ok_or(Fault::Arguments)?;
        if number.is_integer() {
            return number.as_i64().ok_or(Fault::Arguments);
        }
        let whole = rounded(number.as_f64());
        #[expect(clippy::cast_possible_truncation, reason = "whole and within range")]
        if (-TWO_POW_63..TWO_POW_63).contains(&whole) { Ok(whole as i64) } else { Err(Fault::Arguments) }
    }
}

/// A text that stops growing at [`TEXT_BYTES_MAX`].
#[derive(Default)]
struct BoundedText(String);

impl BoundedText {
    fn push(&mut self, value: &Value) -> Result<(), Fault> {
        use std::fmt::Write;
        write!(self, "{}", JavaText(value)).map_err(|_| Fault::TooLarge)
    }

    fn push_json(&mut self, value: &Value) -> Result<(), Fault> {
        if value.text_exceeds(TEXT_BYTES_MAX - self.0.len()) {
            return Err(Fault::TooLarge);
        }
        value.write(&mut self.0);
        Ok(())
    }
}

impl std::fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if text.len() > TEXT_BYTES_MAX - self.0.len() {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
