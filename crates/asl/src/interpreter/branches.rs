//! The branches that live, by their ids.
//!
//! Ids are dense and never used again, so a branch stands at its place and is found in one step, however many
//! iterations a Map has. A place that was left costs a pointer until the execution ends; a history has room for
//! some ten thousand.

use super::event::BranchId;
use super::execution::Branch;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Branches(Vec<Option<Box<Branch>>>);

impl Branches {
    pub(super) fn get(&self, id: BranchId) -> Option<&Branch> {
        self.0.get(id.0 as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, id: BranchId) -> Option<&mut Branch> {
        self.0.get_mut(id.0 as usize)?.as_deref_mut()
    }

    /// Takes a branch in under the next id.
    pub(super) fn add(&mut self, branch: Branch) -> BranchId {
        let id =
            BranchId(u32::try_from(self.0.len()).expect("fewer branches start than a history has events"));
        self.0.push(Some(Box::new(branch)));
        id
    }

    pub(super) fn remove(&mut self, id: BranchId) -> Option<Branch> {
        self.0.get_mut(id.0 as usize)?.take().map(|branch| *branch)
    }

    /// Their ids, in the order in which they started.
    pub(super) fn ids(&self) -> Vec<BranchId> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// How many have started, those that have gone included.
    pub(super) fn begun(&self) -> usize {
        self.0.len()
    }

    /// In the order in which they started.
    pub(super) fn iter(&self) -> impl Iterator<Item = (BranchId, &Branch)> {
        (0..).map(BranchId).zip(&self.0).filter_map(|(id, branch)| Some((id, branch.as_deref()?)))
    }

    /// Ends all of them.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}
