//! The image functions as Lambda functions of this process: over the buckets and the table that the settings name, each
//! held to its role.

use std::collections::BTreeMap;
use std::sync::Arc;

use darkroom_functions::{DynamoDb, DynamoRecords, FunctionName, Functions, Objects, Services};
use darkroom_lambda::{Reach, S3Objects};
use darkroom_services::lambda::{Code, Function, InProcess, Workers};
use darkroom_services::roles::Roles;

use super::guard::{HeldDynamoDb, HeldObjects, Holder};
use super::settings::Names;
use crate::platform;
use crate::roles;
use crate::workflow::PROJECT;

/// What the functions are made of.
pub struct Parts<'a> {
    /// The input bucket as a folder; `None` where S3 is somewhere else.
    pub input: Option<Arc<dyn Objects>>,
    /// The output bucket as a folder; `None` where S3 is somewhere else.
    pub output: Option<Arc<dyn Objects>>,
    /// Reaches the other services.
    pub reach: Reach,
    /// What everything is called.
    pub names: &'a Names,
    /// What each function may do.
    pub roles: Arc<Roles>,
}

impl Parts<'_> {
    /// The functions, by their names.
    pub fn functions(&self) -> anyhow::Result<BTreeMap<String, Arc<dyn Function>>> {
        // A thread a core: more pictures at once would only take more memory.
        let workers = Workers::start("pictures", platform::cores())?;
        let functions = FunctionName::ALL
            .into_iter()
            .map(|name| (format!("{PROJECT}-{name}"), in_process(self.code(name), workers.clone())))
            .collect();
        Ok(functions)
    }

    fn code(&self, name: FunctionName) -> Arc<Code> {
        let holder = self.holder(&format!("{PROJECT}-{name}"));
        let bucket = |folder: &Option<Arc<dyn Objects>>, bucket: &str| {
            let elsewhere = || Arc::new(S3Objects::new(self.reach.clone(), bucket)) as Arc<dyn Objects>;
            let objects = folder.clone().unwrap_or_else(elsewhere);
            Arc::new(HeldObjects { objects, bucket: bucket.to_owned(), holder: holder.clone() })
        };
        let input = bucket(&self.input, &self.names.input_bucket);
        let output = bucket(&self.output, &self.names.output_bucket);
        let functions = Functions::new(Services::new(input, output, Arc::new(self.records(&holder))));
        Arc::new(move |event: &str| {
            functions.invoke(name, event).map_err(|error| (error.error_type().to_owned(), error.to_string()))
        })
    }

    /// The function of this name, with its role.
    fn holder(&self, name: &str) -> Holder {
        let Reach { region, account, .. } = &self.reach;
        Holder {
            roles: self.roles.clone(),
            role_arn: roles::of_function(account, name),
            name: name.to_owned(),
            region: region.clone(),
            account: account.clone(),
        }
    }

    fn records(&self, holder: &Holder) -> DynamoRecords {
        let dynamodb: Arc<dyn DynamoDb> = Arc::new(HeldDynamoDb {
            dynamodb: Arc::new(self.reach.clone()),
            table: self.names.table.clone(),
            holder: holder.clone(),
        });
        DynamoRecords::new(&*self.names.table, dynamodb)
    }
}

fn in_process(code: Arc<Code>, workers: Arc<Workers>) -> Arc<dyn Function> {
    Arc::new(InProcess::new(code, workers))
}
