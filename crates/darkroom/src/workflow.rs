//! The image workflow: its definition, with the placeholders filled in.

/// `workflows/image-processing.asl.json`, as it stands in the repository.
pub const IMAGE_PROCESSING: &str = include_str!("../../../workflows/image-processing.asl.json");

/// `workflows/upload.asl.json`: what S3's event sets off.
pub const UPLOAD: &str = include_str!("../../../workflows/upload.asl.json");

/// What the placeholders of a definition stand for. Here no account is needed, but an ARN has places for one.
pub const PLACEHOLDERS: [(&str, &str); 4] = [
    ("region", "us-east-1"),
    ("account", "000000000000"),
    ("project_name", "darkroom"),
    ("sns_topic_name", "darkroom-notifications"),
];

/// The region of local ARNs.
pub const REGION: &str = PLACEHOLDERS[0].1;
/// The account of local ARNs.
pub const ACCOUNT: &str = PLACEHOLDERS[1].1;
/// What the names of the state machine and the functions begin with.
pub const PROJECT: &str = PLACEHOLDERS[2].1;

/// The text with `${name}` replaced by its value, for the names given. Others stay as they are.
pub fn fill<'a>(text: &str, values: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    values
        .into_iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_of_the_workflow_has_a_value() {
        let twin = include_str!("../../../workflows/image-processing.jsonata.asl.json");
        for definition in [IMAGE_PROCESSING, twin] {
            let filled = fill(definition, PLACEHOLDERS);
            assert!(!filled.contains("${"), "{filled}");
        }
    }

    #[test]
    fn an_unknown_placeholder_stays() {
        assert_eq!(fill("${region} ${other}", PLACEHOLDERS), "us-east-1 ${other}");
    }
}
