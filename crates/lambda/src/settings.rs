//! Where everything is, read from the environment, as a Lambda function is configured.

use std::sync::Arc;

use darkroom_functions::{DynamoRecords, Functions, Services};
use darkroom_services::endpoint::{AccessKey, Endpoint, Remote};
use tokio::runtime::Handle;

use crate::bucket::S3Objects;
use crate::reach::Reach;

/// An environment in which the functions cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct SettingsError(pub &'static str);

/// The functions, over what the environment names.
///
/// `INPUT_BUCKET`, `OUTPUT_BUCKET` and `DYNAMODB_TABLE` have to be there; Lambda sets `AWS_REGION` and the key
/// itself. `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_DYNAMODB` and `AWS_ENDPOINT_URL` name services that are not
/// AWS's own.
pub fn functions(
    variable: impl Fn(&'static str) -> Option<String>,
    runtime: &Handle,
) -> Result<Functions, SettingsError> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let required = |name| variable(name).ok_or(SettingsError(name));
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let region = region.ok_or(SettingsError("AWS_REGION"))?;
    let key = AccessKey {
        id: required("AWS_ACCESS_KEY_ID")?,
        secret: required("AWS_SECRET_ACCESS_KEY")?,
        session_token: variable("AWS_SESSION_TOKEN"),
    };
    let reach = |own_url| {
        let url = variable(own_url).or_else(|| variable("AWS_ENDPOINT_URL"));
        let endpoint: Arc<dyn Endpoint> = Arc::new(Remote::new(url.as_deref(), Some(key.clone())));
        Reach { endpoint, runtime: runtime.clone(), region: region.clone(), account: String::new() }
    };
    let bucket = |name| Ok(Arc::new(S3Objects::new(reach("AWS_ENDPOINT_URL_S3"), required(name)?)));
    let dynamodb = Arc::new(reach("AWS_ENDPOINT_URL_DYNAMODB"));
    let records = Arc::new(DynamoRecords::new(required("DYNAMODB_TABLE")?, dynamodb));
    Ok(Functions::new(Services::new(bucket("INPUT_BUCKET")?, bucket("OUTPUT_BUCKET")?, records)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_in_the_environment_is_named() {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
        let names = [
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "INPUT_BUCKET",
            "OUTPUT_BUCKET",
            "DYNAMODB_TABLE",
        ];
        let with = |missing: Option<&str>| {
            let variable = |name| (names.contains(&name) && Some(name) != missing).then(|| "x".to_owned());
            functions(variable, runtime.handle()).map(drop)
        };
        assert_eq!(with(None), Ok(()));
        for name in names {
            assert_eq!(with(Some(name)), Err(SettingsError(name)));
        }
    }
}
