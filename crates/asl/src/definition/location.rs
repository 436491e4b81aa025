//! Places in a definition, as AWS writes them: `/States/C/Choices[0]/Next`, `/` for the top.
//!
//! Made for every member that is read and shown for very few, so a place is a step and a link to the place
//! around it, and becomes text only when it is told.

use std::fmt;
use std::sync::Arc;

use crate::json::Text;

/// Characters that are shown of a name. State names have at most 80; longer ones are faults themselves.
const NAME_CHARACTERS_MAX: usize = 128;

/// A place in the definition.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Location(Option<Arc<Step>>);

#[derive(Debug, PartialEq, Eq)]
struct Step {
    around: Location,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Field(Text),
    Item(usize),
}

impl Location {
    /// The whole definition.
    pub(super) fn top() -> Self {
        Self(None)
    }

    /// A member of the object here.
    pub(super) fn field(&self, name: &Text) -> Self {
        self.step(Kind::Field(name.clone()))
    }

    /// A member of the object here, by a name of the language.
    pub(super) fn known_field(&self, name: &str) -> Self {
        self.step(Kind::Field(Text::from(name)))
    }

    /// An element of the array here.
    pub(super) fn item(&self, position: usize) -> Self {
        self.step(Kind::Item(position))
    }

    /// A place below this one, as it is written: `/body/items[2]`; empty for this one.
    pub(super) fn below(&self, place: &str) -> Self {
        let mut location = self.clone();
        for name in place.split('/').skip(1) {
            let (name, items) = match name.find('[').filter(|_| name.ends_with(']')) {
                Some(at) => name.split_at(at),
                None => (name, ""),
            };
            location = location.known_field(name);
            for item in items.split_terminator(']').filter_map(|item| item.strip_prefix('[')?.parse().ok()) {
                location = location.item(item);
            }
        }
        location
    }

    fn step(&self, kind: Kind) -> Self {
        Self(Some(Arc::new(Step { around: self.clone(), kind })))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = Vec::new();
        let mut place = self;
        while let Some(step) = &place.0 {
            steps.push(&step.kind);
            place = &step.around;
        }
        if steps.is_empty() {
            return formatter.write_str("/");
        }
        for step in steps.iter().rev() {
            match step {
                Kind::Item(position) => write!(formatter, "[{position}]")?,
                Kind::Field(name) => match name.char_indices().nth(NAME_CHARACTERS_MAX) {
                    None => write!(formatter, "/{name}")?,
                    Some((end, _)) => write!(formatter, "/{}…", &name[..end])?,
                },
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_aws_does() {
        let states = Location::top().known_field("States");
        assert_eq!(Location::top().to_string(), "/");
        let next = states.known_field("C").known_field("Choices").item(0).known_field("Next");
        assert_eq!(next.to_string(), "/States/C/Choices[0]/Next");
        let long = states.known_field(&"ä".repeat(1000)).to_string();
        assert_eq!(long.chars().count(), "/States/".len() + NAME_CHARACTERS_MAX + 1);
    }
}
