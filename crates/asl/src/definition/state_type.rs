//! The eight state types and where each keeps its table of fields.

use super::fields::{Field, Kind, both};
use super::{choice, fail, map, parallel, pass, succeed, task, wait};

/// A state's `Type`, which stands in the names of its events, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateType {
    /// `Task`.
    Task,
    /// `Pass`.
    Pass,
    /// `Choice`.
    Choice,
    /// `Wait`.
    Wait,
    /// `Succeed`.
    Succeed,
    /// `Fail`.
    Fail,
    /// `Parallel`.
    Parallel,
    /// `Map`.
    Map,
}

/// The fields that every state may have. Spec: "Common State Fields".
pub(super) const COMMON: &[Field] =
    &[both("Type", Kind::Text).required(), both("Comment", Kind::Text), both("QueryLanguage", Kind::Text)];

impl StateType {
    pub(super) const ALL: [Self; 8] = [
        Self::Task,
        Self::Pass,
        Self::Choice,
        Self::Wait,
        Self::Succeed,
        Self::Fail,
        Self::Parallel,
        Self::Map,
    ];

    /// As `Type` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Pass => "Pass",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state_type| state_type.name() == name)
    }

    /// The fields of this type beside the common ones.
    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::Task => task::FIELDS,
            Self::Pass => pass::FIELDS,
            Self::Choice => choice::FIELDS,
            Self::Wait => wait::FIELDS,
            Self::Succeed => succeed::FIELDS,
            Self::Fail => fail::FIELDS,
            Self::Parallel => parallel::FIELDS,
            Self::Map => map::FIELDS,
        }
    }

    /// A sentence about the types that have a field, for those who wrote it elsewhere.
    pub(super) fn whose_field_is(name: &str) -> Option<String> {
        let owners: Vec<&str> = Self::ALL
            .into_iter()
            .filter(|owner| owner.fields().iter().any(|field| field.name == name))
            .map(Self::name)
            .collect();
        let (last, others) = owners.split_last()?;
        Some(match others {
            [] => format!("`{name}` belongs to {last} states"),
            _ => format!("`{name}` belongs to {} and {last} states", others.join(", ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::QueryLanguage;
    use super::*;

    /// Which types have a field, and in which of the two query languages (P and A).
    #[test]
    fn the_tables_agree_with_the_documentation() {
        use StateType::{Choice, Fail, Map, Parallel, Pass, Succeed, Task, Wait};
        let table: &[(&str, &str, &[StateType])] = &[
            ("Next", "PA", &[Task, Pass, Wait, Parallel, Map]),
            ("End", "PA", &[Task, Pass, Wait, Parallel, Map]),
            ("InputPath", "P", &[Task, Pass, Choice, Wait, Succeed, Parallel, Map]),
            ("OutputPath", "P", &[Task, Pass, Choice, Wait, Succeed, Parallel, Map]),
            ("Parameters", "P", &[Task, Pass, Parallel, Map]),
            ("ResultSelector", "P", &[Task, Parallel, Map]),
            ("ResultPath", "P", &[Task, Pass, Parallel, Map]),
            ("Arguments", "A", &[Task, Parallel]),
            ("Output", "A", &[Task, Pass, Choice, Wait, Succeed, Parallel, Map]),
            ("Assign", "PA", &[Task, Pass, Choice, Wait, Parallel, Map]),
            ("Retry", "PA", &[Task, Parallel, Map]),
            ("Catch", "PA", &[Task, Parallel, Map]),
            ("TimeoutSeconds", "PA", &[Task]),
            ("HeartbeatSeconds", "PA", &[Task]),
            ("TimeoutSecondsPath", "P", &[Task]),
            ("HeartbeatSecondsPath", "P", &[Task]),
            ("Resource", "PA", &[Task]),
            ("Credentials", "PA", &[Task]),
            ("Branches", "PA", &[Parallel]),
            ("Result", "P", &[Pass]),
            ("Seconds", "PA", &[Wait]),
            ("Timestamp", "PA", &[Wait]),
            ("SecondsPath", "P", &[Wait]),
            ("TimestampPath", "P", &[Wait]),
            ("Choices", "PA", &[Choice]),
            ("Default", "PA", &[Choice]),
            ("Error", "PA", &[Fail]),
            ("Cause", "PA", &[Fail]),
            ("ErrorPath", "P", &[Fail]),
            ("CausePath", "P", &[Fail]),
            ("ItemProcessor", "PA", &[Map]),
            ("Iterator", "PA", &[Map]),
            ("MaxConcurrency", "PA", &[Map]),
            ("ItemSelector", "PA", &[Map]),
            ("ItemReader", "PA", &[Map]),
            ("ItemBatcher", "PA", &[Map]),
            ("ResultWriter", "PA", &[Map]),
            ("ToleratedFailureCount", "PA", &[Map]),
            ("ToleratedFailurePercentage", "PA", &[Map]),
            ("Label", "PA", &[Map]),
            ("ItemsPath", "P", &[Map]),
            ("MaxConcurrencyPath", "P", &[Map]),
            ("ToleratedFailureCountPath", "P", &[Map]),
            ("ToleratedFailurePercentagePath", "P", &[Map]),
            ("Items", "A", &[Map]),
        ];
        for state_type in StateType::ALL {
            for (language, letter) in [(QueryLanguage::JsonPath, 'P'), (QueryLanguage::Jsonata, 'A')] {
                let mut expected: Vec<&str> = table
                    .iter()
                    .filter(|(_, letters, owners)| letters.contains(letter) && owners.contains(&state_type))
                    .map(|(name, ..)| *name)
                    .collect();
                let mut found: Vec<&str> = state_type
                    .fields()
                    .iter()
                    .filter(|field| field.stands_in(language))
                    .map(|field| field.name)
                    .collect();
                expected.sort_unstable();
                found.sort_unstable();
                assert_eq!(found, expected, "{} in {language}", state_type.name());
            }
        }
    }

    #[test]
    fn owners_are_named() {
        assert_eq!(
            StateType::whose_field_is("Catch").as_deref(),
            Some("`Catch` belongs to Task, Parallel and Map states")
        );
        assert_eq!(StateType::whose_field_is("Cause").as_deref(), Some("`Cause` belongs to Fail states"));
        assert_eq!(StateType::whose_field_is("Nonsense"), None);
    }
}
