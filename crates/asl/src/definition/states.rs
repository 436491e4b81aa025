//! A `States` object, the machine's or a nested one's: names first, then each state by its type.
//!
//! All names of a scope are given their indices before any state is read, so that a `Next` is resolved as
//! soon as it is seen. Nested scopes put their states into the same arena.
//!
//! Spec: States Language, "Structure of a State Machine", "States".

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::diagnostic::DiagnosticCode;
use super::draft::{Draft, Scope, Variables};
use super::fields::QueryLanguage;
use super::location::Location;
use super::machine::{DataFlow, PathFlow, StateIndex, StateKind, Succeed};
use super::options::{Options, Purpose};
use super::reader::{Found, Reader};
use super::report::Report;
use super::state_reader::StateReader;
use super::state_type::{COMMON, StateType};
use super::{assign, choice, fail, map, parallel, pass, reachability, succeed, task, wait};
use crate::json::{Member, Node, Span, Spanned, Text};

/// How deep Parallel and Map states may nest. Our choice; AWS's own bound is not known.
pub const NESTING_MAX: usize = 32;

/// Characters in a state's name. Source: AWS, "States".
pub const STATE_NAME_CHARACTERS_MAX: usize = 80;

/// A definition while it is read.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) options: Options,
    pub(super) purpose: Purpose,
    /// The machine's query language, which is also that of nested states unless they name another.
    pub(super) language: QueryLanguage,
    pub(super) report: Report,
    pub(super) drafts: Vec<Draft>,
    pub(super) scopes: Vec<Scope>,
    /// Labels of distributed maps.
    pub(super) labels: HashSet<Text>,
    names: HashSet<Text>,
    /// For a state on its own: the states that it names, which stand in for what is not there.
    assumed: Option<HashMap<Text, StateIndex>>,
}

/// What stands around a scope.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    pub(super) variables: Option<Arc<Variables>>,
    pub(super) depth: usize,
    pub(super) owner: Option<StateIndex>,
}

impl Builder {
    pub(super) fn new(options: Options, purpose: Purpose, language: QueryLanguage, report: Report) -> Self {
        Self {
            options,
            purpose,
            language,
            report,
            drafts: Vec::new(),
            scopes: Vec::new(),
            labels: HashSet::new(),
            names: HashSet::new(),
            assumed: None,
        }
    }

    /// Reads the `StartAt` and `States` of an object that has been held against its table.
    pub(super) fn scope(&mut self, reader: &Reader<'_>, around: Surroundings) -> Option<StateIndex> {
        if around.depth > NESTING_MAX {
            let message = format!("States are nested deeper than {NESTING_MAX}");
            self.report.error(DiagnosticCode::TooDeeplyNested, &reader.location, reader.span, message);
            return None;
        }
        let states = reader.get("States")?;
        let Node::Object(members) = &states.value.node else { return None };
        let mut scope = Scope {
            variables: Arc::new(Variables {
                own: members.iter().flat_map(|member| assign::names_in_state(&member.value)).collect(),
                around: around.variables,
            }),
            depth: around.depth,
            owner: around.owner,
            ..Scope::default()
        };
        if members.is_empty() {
            self.report.schema(&states.location, states.value.span, "Value cannot be empty");
            return None;
        }
        for member in members {
            self.name(&mut scope, member, &states.location);
        }
        scope.start = reader.text("StartAt").and_then(|(found, name)| self.target(&scope, &found, name));
        for (member, index) in members.iter().zip(scope.states.clone()) {
            self.state(&scope, index, member);
        }
        reachability::check(&scope, &self.drafts, &mut self.report);
        let start = scope.start;
        self.scopes.push(scope);
        start
    }

    /// Reads a state that stands on its own, under a name that is given to it.
    pub(super) fn lone_state(&mut self, name: &str, state: Spanned) -> StateIndex {
        self.assumed = Some(HashMap::new());
        let key_span = Span { start: state.span.start, end: state.span.start };
        let member = Member { key: Text::from(name), key_span, value: state };
        let own = assign::names_in_state(&member.value).into_iter().collect();
        let variables = Arc::new(Variables { own, around: None });
        let mut scope = Scope { variables, ..Scope::default() };
        let index = self.name(&mut scope, &member, &Location::top().known_field("States"));
        self.state(&scope, index, &member);
        index
    }

    /// Whether there is no machine around the state, which would assign the variables that it reads.
    pub(super) fn is_for_a_lone_state(&self) -> bool {
        self.assumed.is_some()
    }

    /// The state that a transition of a lone state names, made up.
    fn assumed_target(&mut self, scope: &Scope, found: &Found<'_>, name: &str) -> Option<StateIndex> {
        let assumed = self.assumed.as_mut().filter(|_| scope.owner.is_none())?;
        let index = *assumed.entry(Text::from(name)).or_insert_with(|| {
            let mut draft = Draft::new(Text::from(name), found.location.clone(), found.value.span);
            let succeed = Succeed { flow: DataFlow::JsonPath(PathFlow::default()) };
            draft.kind = Some(StateKind::Succeed(succeed));
            draft.is_terminal = true;
            self.drafts.push(draft);
            StateIndex::new(self.drafts.len() - 1)
        });
        Some(index)
    }

    /// The state that a transition names.
    pub(super) fn target(&mut self, scope: &Scope, found: &Found<'_>, name: &str) -> Option<StateIndex> {
        let known = scope.by_name.get(name).copied();
        let target = known.or_else(|| self.assumed_target(scope, found, name));
        if target.is_none() {
            // AWS: says `Next` for every position.
            let message = format!("Missing 'Next' target: {name}");
            let elsewhere = self.names.contains(name);
            let diagnostic = self.report.error(
                DiagnosticCode::MissingTransitionTarget,
                &found.location,
                found.value.span,
                message,
            );
            if elsewhere {
                diagnostic.help(format!(
                    "`{name}` stands in another `States`; a transition cannot enter or leave a branch"
                ));
            }
        }
        target
    }

    /// Gives a state its index.
    fn name(&mut self, scope: &mut Scope, member: &Member, states: &Location) -> StateIndex {
        let index = StateIndex::new(self.drafts.len());
        let location = states.field(&member.key);
        let characters = member.key.chars().count();
        if characters == 0 || characters > STATE_NAME_CHARACTERS_MAX {
            let message = format!("State name must have 1 to {STATE_NAME_CHARACTERS_MAX} characters");
            self.report.error(DiagnosticCode::InvalidStateName, &location, member.key_span, message);
        }
        if !self.names.insert(member.key.clone()) {
            let message = format!("Duplicate State name: {}", member.key);
            self.report
                .error(DiagnosticCode::DuplicateStateName, &location, member.key_span, message)
                .help("names are unique in the whole machine, branches and item processors included");
        }
        scope.by_name.entry(member.key.clone()).or_insert(index);
        scope.states.push(index);
        self.drafts.push(Draft::new(member.key.clone(), location, member.key_span));
        index
    }

    fn state(&mut self, scope: &Scope, index: StateIndex, member: &Member) {
        let draft = &self.drafts[index.as_usize()];
        let (name, location, span) = (draft.name.clone(), draft.location.clone(), draft.span);
        let reader = Reader::open_freely(&member.value, &location, &mut self.report);
        let known = reader.and_then(|reader| Some((self.type_of_state(&reader)?, reader)));
        let Some((state_type, reader)) = known else {
            self.drafts[index.as_usize()].is_unclear = true;
            return;
        };
        let language = self.language_of_state(&reader);
        let fields = reader.conform(&[COMMON, state_type.fields()], language, &mut self.report);
        let mut state = StateReader {
            builder: self,
            fields: &fields,
            scope,
            language,
            index,
            draft: Draft::new(name, location, span),
        };
        let kind = read_by_type(&mut state, state_type);
        let mut draft = state.draft;
        draft.kind = kind;
        self.drafts[index.as_usize()] = draft;
    }

    fn type_of_state(&mut self, reader: &Reader<'_>) -> Option<StateType> {
        let Some(found) = reader.get("Type") else {
            self.report.schema(&reader.location, reader.span, "These fields are required: [Type]");
            return None;
        };
        let state_type = match &found.value.node {
            Node::String(name) => StateType::from_name(name),
            _ => None,
        };
        if state_type.is_none() {
            let names = StateType::ALL.map(StateType::name).join(", ");
            let message = format!("Value must be one of [{names}]");
            self.report.schema(&found.location, found.value.span, message);
        }
        state_type
    }

    /// A `JSONPath` machine may hold `JSONata` states, but not the other way round.
    fn language_of_state(&mut self, reader: &Reader<'_>) -> QueryLanguage {
        let Some((found, name)) = reader.text("QueryLanguage") else { return self.language };
        match (self.language, parse_language(&found, name, &mut self.report)) {
            (QueryLanguage::Jsonata, Some(QueryLanguage::JsonPath)) => {
                let message =
                    "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
                self.report.schema(&reader.location, found.value.span, message);
                QueryLanguage::JsonPath
            }
            (_, Some(language)) => language,
            (machine, None) => machine,
        }
    }
}

/// A `QueryLanguage`, the machine's or a state's.
pub(super) fn parse_language(found: &Found<'_>, name: &str, report: &mut Report) -> Option<QueryLanguage> {
    match name {
        "JSONPath" => Some(QueryLanguage::JsonPath),
        "JSONata" => Some(QueryLanguage::Jsonata),
        _ => {
            report.schema(&found.location, found.value.span, "Value must be one of [JSONPath, JSONata]");
            None
        }
    }
}

fn read_by_type(state: &mut StateReader<'_, '_>, state_type: StateType) -> Option<StateKind> {
    match state_type {
        StateType::Task => task::read(state).map(|task| StateKind::Task(Box::new(task))),
        StateType::Pass => pass::read(state).map(|pass| StateKind::Pass(Box::new(pass))),
        StateType::Choice => choice::read(state).map(|choice| StateKind::Choice(Box::new(choice))),
        StateType::Wait => wait::read(state).map(|wait| StateKind::Wait(Box::new(wait))),
        StateType::Succeed => Some(StateKind::Succeed(succeed::read(state))),
        StateType::Fail => Some(StateKind::Fail(fail::read(state))),
        StateType::Parallel => parallel::read(state).map(|parallel| StateKind::Parallel(Box::new(parallel))),
        StateType::Map => map::read(state).map(|map| StateKind::Map(Box::new(map))),
    }
}

impl Surroundings {
    /// Inside a state of `scope`: what is around sees its variables, and those around it.
    pub(super) fn inside(scope: &Scope, owner: StateIndex) -> Self {
        Self { variables: Some(scope.variables.clone()), depth: scope.depth + 1, owner: Some(owner) }
    }

    /// Inside a distributed map: its iterations are executions of their own and see no variables.
    pub(super) fn apart(scope: &Scope, owner: StateIndex) -> Self {
        Self { variables: None, depth: scope.depth + 1, owner: Some(owner) }
    }
}
