//! DynamoDB's calls. One that is throttled was not done, and is made again a few times, as AWS's own SDKs make it.

use std::time::Duration;

use bytes::Bytes;
use darkroom_functions::{DynamoDb, DynamoDbError};
use darkroom_services::endpoint::refusal_in;
use http::{Request, Response};

use crate::reach::Reach;

/// How often a call is made. Our choice: a function that fails for it is called again by its workflow, later.
const ATTEMPTS_MAX: u32 = 4;
/// The pause before the second attempt; each is twice as long as the one before it.
const PAUSE: Duration = Duration::from_millis(50);
/// Refusals of calls that come too often.
const THROTTLED: [&str; 3] =
    ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"];

impl DynamoDb for Reach {
    fn call(&self, action: &str, input: String) -> Result<String, DynamoDbError> {
        let input = Bytes::from(input);
        let mut attempt = 1;
        let answer = loop {
            let answer = attempt_call(self, action, input.clone())?;
            if answer.status().is_success() {
                break answer;
            }
            let (code, message) = refusal_in(&answer);
            if attempt == ATTEMPTS_MAX || !THROTTLED.contains(&&*code) {
                return Err(DynamoDbError::of(&code, &message));
            }
            std::thread::sleep(PAUSE * 2_u32.pow(attempt - 1));
            attempt += 1;
        };
        String::from_utf8(answer.body().to_vec())
            .map_err(|_| DynamoDbError::Failed("the answer is no UTF-8 text".to_owned()))
    }
}

fn attempt_call(reach: &Reach, action: &str, input: Bytes) -> Result<Response<Bytes>, DynamoDbError> {
    let request = Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
        .body(input);
    reach.send("dynamodb", request).map_err(|error| DynamoDbError::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use darkroom_services::endpoint::{Endpoint, Scope, Unreachable};
    use std::future::Future;
    use std::pin::Pin;

    use super::*;

    /// Refuses the first calls, with this code.
    struct Refusing {
        code: &'static str,
        left: AtomicU32,
        calls: AtomicU32,
    }

    impl Endpoint for Refusing {
        fn send<'a>(
            &'a self,
            _: Scope<'a>,
            _: Request<Bytes>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, Unreachable>> + Send + 'a>> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let is_refused =
                self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            let mut answer = Response::new(Bytes::from_static(b"{}"));
            if is_refused.is_ok() {
                *answer.body_mut() = format!(r#"{{"__type": "x#{}", "message": "no"}}"#, self.code).into();
                *answer.status_mut() = http::StatusCode::BAD_REQUEST;
            }
            Box::pin(std::future::ready(Ok(answer)))
        }
    }

    #[test]
    fn what_is_throttled_is_called_again_and_nothing_else() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for (code, refused, calls, is_ok) in [
            ("ProvisionedThroughputExceededException", 0, 1, true),
            ("ProvisionedThroughputExceededException", 3, 4, true),
            ("ThrottlingException", 9, 4, false),
            ("ResourceNotFoundException", 1, 1, false),
            ("ConditionalCheckFailedException", 1, 1, false),
        ] {
            let endpoint = Arc::new(Refusing { code, left: refused.into(), calls: 0.into() });
            let reach = Reach {
                endpoint: endpoint.clone(),
                runtime: runtime.handle().clone(),
                region: "us-east-1".to_owned(),
                account: "000000000000".to_owned(),
            };
            let outcome = reach.call("GetItem", "{}".to_owned());
            assert_eq!((endpoint.calls.load(Ordering::SeqCst), outcome.is_ok()), (calls, is_ok), "{code}");
        }
    }
}
