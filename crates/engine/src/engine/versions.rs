//! Versions and aliases in the engine: published, led to, picked, deleted.

use std::sync::Arc;

use darkroom_asl::interpreter::{Identity, Qualifiers, Random};
use darkroom_asl::json::Text;

use super::Engine;
use super::known::KnownStateMachines;
use super::resources::ResourceError;
use super::state_machines::{Publication, Published};
use crate::store::{
    Change, Revision, Route, StateMachineStatus, Store, StoredAlias, StoredStateMachine, StoredVersion,
};

/// Versions of a state machine that are there at one time. AWS: "Quotas", versions.
pub const VERSIONS_MAX: usize = 1_000;
/// Aliases of a state machine. AWS: "Quotas", aliases.
pub const ALIASES_MAX: usize = 100;
/// What an alias's weights add up to.
pub const WEIGHTS_SUM: u32 = 100;

/// The id by which callers name the revision that a state machine was created with.
const INITIAL: &str = "INITIAL";

/// A state machine's ARN, and what of the state machine it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualifiedArn<'a> {
    /// The state machine's own ARN.
    pub state_machine_arn: &'a str,
    /// What is named of it; `None` where it is the state machine itself.
    pub qualifier: Option<Qualifier<'a>>,
}

/// What of a state machine an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// The version of this number.
    Version(u32),
    /// The alias of this name.
    Alias(&'a str),
}

impl<'a> QualifiedArn<'a> {
    /// The parts of a state machine's ARN. What is no such ARN is taken for a state machine's that is not there.
    pub fn parse(arn: &'a str) -> Self {
        let whole = Self { state_machine_arn: arn, qualifier: None };
        let Some((place, _)) = arn.match_indices(':').nth(6) else { return whole };
        let (state_machine_arn, name) = (&arn[..place], &arn[place + 1..]);
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let qualifier = match name.parse() {
            // A number is written in one way only.
            Ok(number) if is_number && !name.starts_with('0') => Qualifier::Version(number),
            Ok(_) | Err(_) => Qualifier::Alias(name),
        };
        Self { state_machine_arn, qualifier: Some(qualifier) }
    }
}

/// What a start through an ARN runs.
#[derive(Clone, Debug)]
pub struct Target {
    /// The state machine.
    pub machine: StoredStateMachine,
    /// What of it is run.
    pub revision: Revision,
    /// What it was found through.
    pub qualifiers: Qualifiers,
}

impl Target {
    /// Who an execution of this ARN, name and trace is.
    pub(super) fn identity(
        &self,
        execution_arn: String,
        name: &str,
        trace_header: Option<Text>,
    ) -> Arc<Identity> {
        Arc::new(Identity {
            execution_arn: execution_arn.into(),
            execution_name: name.into(),
            state_machine_arn: self.machine.arn.clone(),
            state_machine_name: self.machine.name.clone(),
            role_arn: self.revision.role_arn.clone(),
            qualifiers: self.qualifiers.clone(),
            revision_id: Some(self.revision.id.clone()),
            trace_header,
        })
    }
}

/// An alias to create.
#[derive(Clone, Debug)]
pub struct NewAlias {
    /// The state machine's own ARN.
    pub state_machine_arn: Text,
    /// The alias's name: unique among the state machine's.
    pub name: Text,
    /// What its owner says of it.
    pub description: Option<Text>,
    /// Where it leads to.
    pub routes: Vec<Route>,
}

impl Engine {
    /// What a start through the ARN of a state machine, a version or an alias runs. An alias picks one of its
    /// versions at random, by their weights.
    pub fn target(&self, arn: &str) -> Result<Target, ResourceError> {
        target(self.store.as_ref(), &self.known_state_machines, self.random.as_ref(), arn)
    }

    /// Whether [`Engine::target`] answers without the store for this ARN.
    pub fn knows_target(&self, arn: &str) -> bool {
        self.known_state_machines.has(arn)
    }

    /// Publishes a state machine's current revision; durable when it returns. `expected` is what the caller takes
    /// for it.
    ///
    /// AWS: a revision that is published already is not published again.
    pub fn publish_version(
        &self,
        arn: &str,
        expected: Option<&str>,
        publication: Publication,
    ) -> Result<StoredVersion, ResourceError> {
        let _alone = self.resources();
        let machine = self.active(arn)?;
        let current = if machine.revision.is_initial { INITIAL } else { &machine.revision.id };
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            return Err(ResourceError::RevisionConflict {
                expected: expected.into(),
                current: current.into(),
            });
        }
        let (published, changes) = self.publishing(machine, Some(publication))?;
        self.change(&changes)?;
        published.version.ok_or_else(|| ResourceError::NotFound(arn.into()))
    }

    /// Deletes a version, if it is there and no alias leads to it; durable when it returns.
    pub fn delete_version(&self, state_machine_arn: &str, number: u32) -> Result<(), ResourceError> {
        let _alone = self.resources();
        let aliases = self.store.aliases(state_machine_arn)?;
        let leading = aliases.into_iter().filter(|alias| leads_to(alias, number));
        let names: Vec<Text> = leading.map(|alias| alias.name).collect();
        if !names.is_empty() {
            return Err(ResourceError::VersionReferenced(names));
        }
        let state_machine_arn = state_machine_arn.into();
        Ok(self.change(&[Change::DeleteVersion { state_machine_arn, number }])?)
    }

    /// Creates an alias; durable when it returns. One that is there and is the same is the answer.
    pub fn create_alias(&self, new: NewAlias) -> Result<StoredAlias, ResourceError> {
        let NewAlias { state_machine_arn, name, description, routes } = new;
        let _alone = self.resources();
        self.check_routes(&state_machine_arn, &routes)?;
        let arn: Text = format!("{state_machine_arn}:{name}").into();
        if let Some(before) = self.store.alias(&arn)? {
            let is_same = before.description == description && before.routes == routes;
            return if is_same { Ok(before) } else { Err(ResourceError::AliasAlreadyExists(arn)) };
        }
        if self.store.aliases(&state_machine_arn)?.len() >= ALIASES_MAX {
            let (what, arn) = ("aliases", state_machine_arn);
            return Err(ResourceError::QuotaExceeded { what, arn, max: ALIASES_MAX });
        }
        let now = self.clock.now();
        let alias = StoredAlias {
            arn,
            state_machine_arn,
            name,
            description,
            routes,
            created_at: now,
            updated_at: now,
        };
        self.change(&[Change::PutAlias(alias.clone())])?;
        Ok(alias)
    }

    /// Changes what an alias leads to, or what is said of it; durable when it returns. What is `None` stays.
    pub fn update_alias(
        &self,
        arn: &str,
        description: Option<Text>,
        routes: Option<Vec<Route>>,
    ) -> Result<StoredAlias, ResourceError> {
        let _alone = self.resources();
        let mut alias = self.store.alias(arn)?.ok_or_else(|| ResourceError::NotFound(arn.into()))?;
        if let Some(routes) = routes {
            self.check_routes(&alias.state_machine_arn, &routes)?;
            alias.routes = routes;
        }
        alias.description = description.or(alias.description);
        alias.updated_at = self.clock.now();
        self.change(&[Change::PutAlias(alias.clone())])?;
        Ok(alias)
    }

    /// Deletes an alias, if it is there; durable when it returns.
    pub fn delete_alias(&self, arn: &str) -> Result<(), ResourceError> {
        let _alone = self.resources();
        Ok(self.change(&[Change::DeleteAlias(arn.into())])?)
    }

    /// The aliases that lead to a version, by ARN.
    pub fn aliases_to(
        &self,
        state_machine_arn: &str,
        number: u32,
    ) -> Result<Vec<StoredAlias>, ResourceError> {
        let mut aliases = self.store.aliases(state_machine_arn)?;
        aliases.retain(|alias| leads_to(alias, number));
        Ok(aliases)
    }

    /// The version that the state machine's current revision was published as, if it was and is still there.
    pub(super) fn published(
        &self,
        machine: &StoredStateMachine,
    ) -> Result<Option<StoredVersion>, ResourceError> {
        // Later revisions have higher numbers: it is the newest, or none.
        let newest = self.store.versions(&machine.arn, None, 1)?.pop();
        Ok(newest.filter(|version| version.revision.id == machine.revision.id))
    }

    /// The changes that keep a state machine, and publish its revision where that is wanted and not done.
    pub(super) fn publishing(
        &self,
        mut machine: StoredStateMachine,
        publication: Option<Publication>,
    ) -> Result<(Published, Vec<Change>), ResourceError> {
        let Some(Publication { description }) = publication else {
            let changes = vec![Change::PutStateMachine(machine.clone())];
            return Ok((Published { machine, version: None }, changes));
        };
        let published = self.published(&machine)?;
        let mut new = None;
        if published.is_none() {
            if self.store.versions(&machine.arn, None, VERSIONS_MAX)?.len() >= VERSIONS_MAX {
                let (what, arn) = ("versions", machine.arn);
                return Err(ResourceError::QuotaExceeded { what, arn, max: VERSIONS_MAX });
            }
            machine.last_version += 1;
            new = Some(StoredVersion {
                state_machine_arn: machine.arn.clone(),
                number: machine.last_version,
                description,
                created_at: self.clock.now(),
                revision: machine.revision.clone(),
            });
        }
        let mut changes = vec![Change::PutStateMachine(machine.clone())];
        changes.extend(new.clone().map(Change::PutVersion));
        Ok((Published { machine, version: published.or(new) }, changes))
    }

    /// Whether there is a version behind each route.
    fn check_routes(&self, state_machine_arn: &Text, routes: &[Route]) -> Result<(), ResourceError> {
        match self.active(state_machine_arn) {
            Err(ResourceError::StateMachineDoesNotExist(arn)) => return Err(ResourceError::NotFound(arn)),
            other => other?,
        };
        for route in routes {
            if self.store.version(state_machine_arn, route.version)?.is_none() {
                let arn = crate::store::version_arn(state_machine_arn, route.version);
                return Err(ResourceError::NotFound(arn));
            }
        }
        Ok(())
    }
}

/// What a start through this ARN runs; see [`Engine::target`].
pub(super) fn target(
    store: &dyn Store,
    known: &KnownStateMachines,
    random: &dyn Random,
    arn: &str,
) -> Result<Target, ResourceError> {
    let QualifiedArn { state_machine_arn, qualifier } = QualifiedArn::parse(arn);
    let missing = || ResourceError::StateMachineDoesNotExist(arn.into());
    let machine = known.get(state_machine_arn)?.ok_or_else(missing)?;
    if machine.status == StateMachineStatus::Deleting {
        return Err(ResourceError::StateMachineDeleting(arn.into()));
    }
    let (number, alias_arn) = match qualifier {
        None => {
            let revision = machine.revision.clone();
            return Ok(Target { machine, revision, qualifiers: Qualifiers::default() });
        }
        Some(Qualifier::Version(number)) => (number, None),
        Some(Qualifier::Alias(_)) => {
            let alias = store.alias(arn)?.ok_or_else(missing)?;
            (pick(&alias.routes, random).ok_or_else(missing)?, Some(alias.arn))
        }
    };
    let version = store.version(state_machine_arn, number)?.ok_or_else(missing)?;
    let qualifiers = Qualifiers { version_arn: Some(version.arn()), alias_arn };
    Ok(Target { machine, revision: version.revision, qualifiers })
}

fn leads_to(alias: &StoredAlias, number: u32) -> bool {
    alias.routes.iter().any(|route| route.version == number)
}

/// One of the versions, each as often as its weight says.
fn pick(routes: &[Route], random: &dyn Random) -> Option<u32> {
    let mut drawn = random.next_u64() % u64::from(WEIGHTS_SUM);
    for route in routes {
        match drawn.checked_sub(route.weight.into()) {
            Some(left) => drawn = left,
            None => return Some(route.version),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Counts(Cell<u64>);

    impl Random for Counts {
        fn next_u64(&self) -> u64 {
            self.0.replace(self.0.get() + 1)
        }
    }

    #[test]
    fn a_hundred_draws_give_each_version_its_weight() {
        for weights in [[100, 0], [70, 30], [1, 99], [0, 100]] {
            let routes: Vec<Route> =
                weights.iter().zip(3..).map(|(weight, version)| Route { version, weight: *weight }).collect();
            let random = Counts(Cell::new(1_000_007));
            let mut counts = [0, 0];
            for _ in 0..100 {
                match pick(&routes, &random) {
                    Some(3) => counts[0] += 1,
                    Some(4) => counts[1] += 1,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(counts, weights);
        }
        assert_eq!(pick(&[], &Counts(Cell::new(0))), None);
    }

    #[test]
    fn an_arn_says_what_of_a_state_machine_it_names() {
        let machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:m";
        for (suffix, qualifier) in [
            ("", None),
            (":7", Some(Qualifier::Version(7))),
            (":prod", Some(Qualifier::Alias("prod"))),
            (":1.2", Some(Qualifier::Alias("1.2"))),
            (":007", Some(Qualifier::Alias("007"))),
            (":0", Some(Qualifier::Alias("0"))),
            (":99999999999", Some(Qualifier::Alias("99999999999"))),
            (":", Some(Qualifier::Alias(""))),
            (":a:b", Some(Qualifier::Alias("a:b"))),
        ] {
            let arn = format!("{machine}{suffix}");
            let expected = QualifiedArn { state_machine_arn: machine, qualifier };
            assert_eq!(QualifiedArn::parse(&arn), expected, "{arn}");
        }
        assert_eq!(QualifiedArn::parse("no:arn").state_machine_arn, "no:arn");
    }
}
