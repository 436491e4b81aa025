//! `lambda:invoke` of a function in this process: its parameters, and its answer as Invoke would give it.

use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::json::Payload;
use serde::Deserialize;

/// `lambda:invoke`'s parameters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    function_name: String,
    payload: Option<Box<serde_json::value::RawValue>>,
}

/// The function and the payload of `lambda:invoke`'s parameters.
///
/// AWS: a function that is given nothing is given an empty object, and a string is sent as the text in it.
pub fn function_and_payload(parameters: &str) -> Result<(String, String), Reason> {
    let parameters: Parameters = serde_json::from_str(parameters).map_err(|error| Reason {
        error: Some("Lambda.AWSLambdaException".into()),
        cause: Some(format!("the parameters of lambda:invoke are wrong: {error}").into()),
    })?;
    let payload = parameters.payload.as_deref().map_or("{}", serde_json::value::RawValue::get);
    let payload = serde_json::from_str::<String>(payload).unwrap_or_else(|_| payload.to_owned());
    Ok((parameters.function_name, payload))
}

/// The answer of a function in this process, as Invoke would give it.
pub fn wrap_local(result: &Payload) -> Payload {
    let text =
        format!("{{\"ExecutedVersion\":\"$LATEST\",\"Payload\":{},\"StatusCode\":200}}", result.text());
    Payload::from_trusted(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_sent_as_it_is_and_a_string_as_the_text_in_it() {
        for (parameters, sent) in [
            (r#"{"FunctionName": "f", "Payload": {"n": 1.0}}"#, r#"{"n": 1.0}"#),
            (r#"{"FunctionName": "f", "Payload": "{\"n\": 1}"}"#, r#"{"n": 1}"#),
            (r#"{"FunctionName": "f", "Payload": null}"#, "{}"),
            (r#"{"FunctionName": "f"}"#, "{}"),
        ] {
            assert_eq!(function_and_payload(parameters).unwrap().1, sent, "{parameters}");
        }
    }
}
