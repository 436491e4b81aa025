//! Definitions in memory: each text is read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use darkroom_asl::definition::{self, Diagnostic, Options, StateMachine};

use crate::store::{DefinitionKey, Store, StoreError};

/// State machines by the key of their text.
pub struct Definitions {
    store: Arc<dyn Store>,
    read: Mutex<HashMap<DefinitionKey, Arc<StateMachine>>>,
}

/// Why a stored definition does not run.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// It cannot be read, or is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An earlier version took it.
    #[error("this version refuses its definition")]
    Refused(Vec<Diagnostic>),
}

impl Definitions {
    /// None is read yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, read: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<DefinitionKey, Arc<StateMachine>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine that a stored definition describes.
    pub fn machine(&self, key: &DefinitionKey) -> Result<Arc<StateMachine>, DefinitionError> {
        if let Some(machine) = self.lock().get(key) {
            return Ok(machine.clone());
        }
        let text = self.store.definition(key)?.ok_or_else(|| StoreError::Corrupt {
            place: format!("definition {key}"),
            reason: "it is not there".to_owned(),
        })?;
        let parsed = definition::parse(&text, Options::default());
        let machine = parsed.machine.ok_or(DefinitionError::Refused(parsed.diagnostics))?;
        self.lock().insert(key.clone(), machine.clone());
        Ok(machine)
    }
}
