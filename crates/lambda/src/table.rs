//! DynamoDB's calls.

use darkroom_functions::{DynamoDb, DynamoDbError};
use darkroom_services::endpoint::refusal_in;
use http::Request;

use crate::reach::Reach;

impl DynamoDb for Reach {
    fn call(&self, action: &str, input: String) -> Result<String, DynamoDbError> {
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
            .body(input.into());
        let answer =
            self.send("dynamodb", request).map_err(|error| DynamoDbError::Failed(error.to_string()))?;
        if !answer.status().is_success() {
            let (code, message) = refusal_in(&answer);
            return Err(DynamoDbError::of(&code, &message));
        }
        String::from_utf8(answer.body().to_vec())
            .map_err(|_| DynamoDbError::Failed("the answer is no UTF-8 text".to_owned()))
    }
}
