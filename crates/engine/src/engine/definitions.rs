//! Definitions in memory: each text is read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use darkroom_asl::definition::{self, Options, StateMachine};

use super::EngineError;
use crate::store::{DefinitionKey, Store, StoreError};

/// State machines by the key of their text.
pub(super) struct Definitions {
    store: Arc<dyn Store>,
    read: Mutex<HashMap<DefinitionKey, Arc<StateMachine>>>,
}

impl Definitions {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, read: Mutex::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<DefinitionKey, Arc<StateMachine>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine that a stored definition describes.
    pub(super) fn machine(&self, key: &DefinitionKey) -> Result<Arc<StateMachine>, EngineError> {
        if let Some(machine) = self.lock().get(key) {
            return Ok(machine.clone());
        }
        let text = self.store.definition(key)?.ok_or_else(|| StoreError::Corrupt {
            place: format!("definition {key}"),
            reason: "it is not there".to_owned(),
        })?;
        let parsed = definition::parse(&text, Options::default());
        let machine = parsed.machine.ok_or(EngineError::Definition(parsed.diagnostics))?;
        self.lock().insert(key.clone(), machine.clone());
        Ok(machine)
    }
}
