//! The image functions of this process held to their roles, as AWS holds a Lambda function to its own.

use std::sync::Arc;

use darkroom_functions::{DynamoDb, DynamoDbError, Fetched, Objects, ObjectsError};
use darkroom_services::roles::{Need, Roles, Session};

/// Somebody who holds a role.
#[derive(Clone)]
pub struct Holder {
    /// What roles may do.
    pub roles: Arc<Roles>,
    /// His role.
    pub role_arn: String,
    /// His name: a function's.
    pub name: String,
    /// Where he calls.
    pub region: String,
    /// Whose tables they are.
    pub account: String,
}

/// A bucket that its holder may use as far as his role allows.
pub struct HeldObjects {
    /// The bucket.
    pub objects: Arc<dyn Objects>,
    /// Its name.
    pub bucket: String,
    /// Who uses it.
    pub holder: Holder,
}

/// DynamoDB, as far as its holder's role allows.
pub struct HeldDynamoDb {
    /// DynamoDB.
    pub dynamodb: Arc<dyn DynamoDb>,
    /// The table that the calls are about.
    pub table: String,
    /// Who calls.
    pub holder: Holder,
}

impl Holder {
    /// Whether he may do this; why not, in AWS's words.
    pub fn check(&self, action: &str, resource: String) -> Result<(), String> {
        let session = Session { role_arn: &self.role_arn, name: &self.name, region: &self.region };
        self.roles.check(session, &[Need::new(action, resource)]).map_err(|refused| refused.message())
    }
}

impl HeldObjects {
    fn check(&self, action: &str, key: &str) -> Result<(), ObjectsError> {
        let object = format!("arn:aws:s3:::{}/{key}", self.bucket);
        self.holder.check(action, object).map_err(ObjectsError::AccessDenied)
    }

    /// AWS: that an object is not there is told only to those who may list the bucket.
    fn check_absence(&self) -> Result<(), ObjectsError> {
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        self.holder.check("s3:ListBucket", bucket).map_err(ObjectsError::AccessDenied)
    }
}

impl Objects for HeldObjects {
    fn length(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        self.check("s3:GetObject", key)?;
        let length = self.objects.length(key)?;
        if length.is_none() {
            self.check_absence()?;
        }
        Ok(length)
    }

    fn get(&self, key: &str, bytes_max: u64) -> Result<Fetched, ObjectsError> {
        self.check("s3:GetObject", key)?;
        let fetched = self.objects.get(key, bytes_max);
        if fetched == Err(ObjectsError::NotFound) {
            self.check_absence()?;
        }
        fetched
    }

    fn put(&self, key: &str, content: Vec<u8>) -> Result<(), ObjectsError> {
        self.check("s3:PutObject", key)?;
        self.objects.put(key, content)
    }

    fn remove(&self, key: &str) -> Result<(), ObjectsError> {
        self.check("s3:DeleteObject", key)?;
        self.objects.remove(key)
    }
}

impl DynamoDb for HeldDynamoDb {
    fn call(&self, action: &str, input: String) -> Result<String, DynamoDbError> {
        let Holder { region, account, .. } = &self.holder;
        let table = format!("arn:aws:dynamodb:{region}:{account}:table/{}", self.table);
        self.holder.check(&format!("dynamodb:{action}"), table).map_err(DynamoDbError::AccessDenied)?;
        self.dynamodb.call(action, input)
    }
}
