//! What the services' actions answer with, as tables: `models/*.json`, made by `models/generate.py`.
//!
//! A table is read when an action of its service is asked for, and not kept: a mock is checked rarely, and all
//! tables together would take megabytes.

use serde::Deserialize;
use serde_json::Value;

/// Each service that is known, by the name that `aws-sdk:` calls it, and its table.
const TABLES: &[(&str, &str)] = &[
    ("apigateway", include_str!("../../models/apigateway.json")),
    ("athena", include_str!("../../models/athena.json")),
    ("batch", include_str!("../../models/batch.json")),
    ("bedrock", include_str!("../../models/bedrock.json")),
    ("bedrockruntime", include_str!("../../models/bedrockruntime.json")),
    ("cloudwatch", include_str!("../../models/cloudwatch.json")),
    ("cloudwatchlogs", include_str!("../../models/cloudwatchlogs.json")),
    ("codebuild", include_str!("../../models/codebuild.json")),
    ("comprehend", include_str!("../../models/comprehend.json")),
    ("databrew", include_str!("../../models/databrew.json")),
    ("dynamodb", include_str!("../../models/dynamodb.json")),
    ("ec2", include_str!("../../models/ec2.json")),
    ("ecr", include_str!("../../models/ecr.json")),
    ("ecs", include_str!("../../models/ecs.json")),
    ("eks", include_str!("../../models/eks.json")),
    ("emr", include_str!("../../models/emr.json")),
    ("emrcontainers", include_str!("../../models/emrcontainers.json")),
    ("emrserverless", include_str!("../../models/emrserverless.json")),
    ("eventbridge", include_str!("../../models/eventbridge.json")),
    ("firehose", include_str!("../../models/firehose.json")),
    ("glue", include_str!("../../models/glue.json")),
    ("iam", include_str!("../../models/iam.json")),
    ("kinesis", include_str!("../../models/kinesis.json")),
    ("kms", include_str!("../../models/kms.json")),
    ("lambda", include_str!("../../models/lambda.json")),
    ("mediaconvert", include_str!("../../models/mediaconvert.json")),
    ("organizations", include_str!("../../models/organizations.json")),
    ("polly", include_str!("../../models/polly.json")),
    ("rdsdata", include_str!("../../models/rdsdata.json")),
    ("redshiftdata", include_str!("../../models/redshiftdata.json")),
    ("rekognition", include_str!("../../models/rekognition.json")),
    ("s3", include_str!("../../models/s3.json")),
    ("s3control", include_str!("../../models/s3control.json")),
    ("sagemaker", include_str!("../../models/sagemaker.json")),
    ("scheduler", include_str!("../../models/scheduler.json")),
    ("secretsmanager", include_str!("../../models/secretsmanager.json")),
    ("ses", include_str!("../../models/ses.json")),
    ("sesv2", include_str!("../../models/sesv2.json")),
    ("sfn", include_str!("../../models/sfn.json")),
    ("sns", include_str!("../../models/sns.json")),
    ("sqs", include_str!("../../models/sqs.json")),
    ("ssm", include_str!("../../models/ssm.json")),
    ("sts", include_str!("../../models/sts.json")),
    ("textract", include_str!("../../models/textract.json")),
    ("transcribe", include_str!("../../models/transcribe.json")),
    ("translate", include_str!("../../models/translate.json")),
];

/// One service's table.
#[derive(Deserialize)]
pub(super) struct Answers {
    operations: serde_json::Map<String, Value>,
    shapes: Vec<Value>,
}

/// The shape of a value. What a table has that is none of these admits everything.
pub(super) enum Shape<'t> {
    Text { min: Option<u64>, max: Option<u64> },
    Word(&'t [Value]),
    Number { min: Option<f64>, max: Option<f64> },
    Boolean,
    Blob { min: Option<u64>, max: Option<u64> },
    List { item: &'t Value, min: Option<u64>, max: Option<u64> },
    Map { value: &'t Value },
    Structure { members: &'t serde_json::Map<String, Value>, required: &'t [Value] },
    Anything,
}

/// The table of a service.
pub(super) fn of_service(name: &str) -> Option<Answers> {
    let (_, text) = TABLES.iter().find(|(known, _)| *known == name)?;
    read(text)
}

/// A table as it is written.
pub(super) fn read(text: &str) -> Option<Answers> {
    serde_json::from_str(text).ok()
}

impl Answers {
    /// The shape of an action's answer.
    pub(super) fn of_action(&self, name: &str) -> Option<&Value> {
        self.operations.get(name)
    }

    /// What a shape is, as it is written or at its place.
    pub(super) fn shape<'t>(&'t self, written: &'t Value) -> Shape<'t> {
        let written = match written.as_u64().and_then(|place| usize::try_from(place).ok()) {
            Some(place) => self.shapes.get(place).unwrap_or(&Value::Null),
            None => written,
        };
        let (letter, parts) = match written {
            Value::String(letter) => (letter.as_str(), &[][..]),
            Value::Array(parts) => match parts.split_first() {
                Some((Value::String(letter), parts)) => (letter.as_str(), parts),
                _ => return Shape::Anything,
            },
            _ => return Shape::Anything,
        };
        let length = |place: usize| parts.get(place).and_then(Value::as_u64);
        let number = |place: usize| parts.get(place).and_then(Value::as_f64);
        match (letter, parts.first()) {
            ("s", _) => Shape::Text { min: length(0), max: length(1) },
            ("e", _) => Shape::Word(parts),
            ("n", _) => Shape::Number { min: number(0), max: number(1) },
            ("y", _) => Shape::Boolean,
            ("b", _) => Shape::Blob { min: length(0), max: length(1) },
            ("l", Some(item)) => Shape::List { item, min: length(1), max: length(2) },
            ("m", Some(value)) => Shape::Map { value },
            ("o", Some(Value::Object(members))) => {
                let required = parts.get(1).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                Shape::Structure { members, required }
            }
            _ => Shape::Anything,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_there_and_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/models");
        let files = std::fs::read_dir(folder).expect("the tables are there").flatten();
        let files =
            files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|it| it == "json"));
        let mut names: Vec<String> =
            files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
        names.sort();
        let known: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(known, names);
        for (name, _) in TABLES {
            let answers = of_service(name).expect("a table can be read");
            assert!(!answers.operations.is_empty(), "{name}");
            for (action, shape) in &answers.operations {
                assert!(!matches!(answers.shape(shape), Shape::Anything), "{name}:{action}");
            }
            for (place, shape) in answers.shapes.iter().enumerate() {
                assert!(!matches!(answers.shape(shape), Shape::Anything), "{name}: {place}");
            }
        }
    }
}
