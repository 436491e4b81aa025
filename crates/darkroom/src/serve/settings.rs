//! `darkroom.toml`: which services are somewhere else, which functions there are, what roles may do, where mail goes.
//!
//! With no file all services are embedded in the data folder, and the functions are the five image functions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use darkroom_iam::Policy;
use darkroom_services::clock::Clock;
use darkroom_services::endpoint::AccessKey;
use darkroom_services::lambda::{Function, Process, ProcessSettings, Url};
use darkroom_services::outbox::Mail;
use darkroom_services::roles::Roles;
use darkroom_services::tasks::{Connection, HttpSettings};
use darkroom_services::{EMBEDDED, RemoteSettings};
use serde::Deserialize;

use crate::roles;
use crate::workflow::PROJECT;

/// The longest that a function may run. AWS's own bound.
const TIMEOUT_SECONDS_MAX: u64 = 900;

/// What the variables that win over the file begin with. Two underscores part the names that lead to a value.
const VARIABLE_PREFIX: &str = "DARKROOM__";

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(default)]
    services: BTreeMap<String, ServiceTable>,
    #[serde(default)]
    functions: BTreeMap<String, FunctionTable>,
    #[serde(default)]
    connections: BTreeMap<String, ConnectionTable>,
    #[serde(default)]
    http: HttpTable,
    mail: Option<MailTable>,
    #[serde(default)]
    platform: Names,
    #[serde(default)]
    iam: IamTable,
    #[serde(default)]
    roles: BTreeMap<String, RoleTable>,
    /// Where the file is: the files that it names are there, too.
    #[serde(skip)]
    folder: PathBuf,
}

/// `[platform]`: whether the image workflow and what is around it are made, and what they are called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// Whether they are made.
    pub enabled: bool,
    /// Where uploads are put.
    pub input_bucket: String,
    /// Where results are put.
    pub output_bucket: String,
    /// Where the images' records are.
    pub table: String,
    /// Where failures are told.
    pub topic: String,
    /// Where failed executions are kept.
    pub dead_letter_queue: String,
}

impl Default for Names {
    fn default() -> Self {
        let name = |rest: &str| format!("{PROJECT}-{rest}");
        Self {
            enabled: true,
            input_bucket: name("input"),
            output_bucket: name("output"),
            table: name("images"),
            topic: name("notifications"),
            dead_letter_queue: name("dead-letters"),
        }
    }
}

impl Names {
    /// What the placeholders of the workflow and its roles stand for.
    pub fn placeholders<'a>(&'a self, region: &'a str, account: &'a str) -> [(&'a str, &'a str); 7] {
        [
            ("region", region),
            ("account", account),
            ("project_name", PROJECT),
            ("sns_topic_name", &self.topic),
            ("input_bucket", &self.input_bucket),
            ("output_bucket", &self.output_bucket),
            ("table_name", &self.table),
        ]
    }
}

/// `[iam]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct IamTable {
    /// Whether a role that is not configured may do nothing, instead of everything.
    #[serde(default)]
    enforce: bool,
}

/// `[roles.<name>]`: its policies, in the file or in files of their own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleTable {
    policy: Option<String>,
    #[serde(default)]
    policies: Vec<PathBuf>,
}

/// `[services.<name>]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceTable {
    /// `embedded`, `aws`, or a URL.
    endpoint: String,
}

/// `[functions.<name>]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionTable {
    command: Option<Vec<String>>,
    url: Option<String>,
    directory: Option<PathBuf>,
    #[serde(default)]
    handler: String,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default = "three")]
    timeout_seconds: u64,
    #[serde(default = "memory_default")]
    memory_mb: u64,
    #[serde(default = "concurrency_default")]
    concurrency: usize,
}

/// AWS's own default.
fn three() -> u64 {
    3
}

fn memory_default() -> u64 {
    512
}

fn concurrency_default() -> usize {
    10
}

/// `[connections.<name>]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectionTable {
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// `[http]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpTable {
    #[serde(default)]
    allow_private: bool,
}

/// `[mail]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailTable {
    relay: String,
    from: String,
}

/// Reads the file. One that was not asked for need not be there. The environment's variables win over it.
pub fn read(asked_for: Option<&Path>, data: &Path) -> anyhow::Result<File> {
    let path = asked_for.map_or_else(|| data.join("darkroom.toml"), Path::to_owned);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && asked_for.is_none() => String::new(),
        text => text.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let variables = std::env::vars().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX));
    let file = parse(&text, variables).with_context(|| format!("{} is wrong", path.display()))?;
    Ok(File { folder: path.parent().map(Path::to_owned).unwrap_or_default(), ..file })
}

/// Parses a file's text. A variable such as `DARKROOM__IAM__ENFORCE=true` stands for `[iam] enforce = true`.
pub fn parse(text: &str, variables: impl Iterator<Item = (String, String)>) -> anyhow::Result<File> {
    let mut table: toml::Table = toml::from_str(text)?;
    for (name, value) in variables {
        let path = name.strip_prefix(VARIABLE_PREFIX).unwrap_or(&name).to_ascii_lowercase();
        put(&mut table, &path, &value).with_context(|| format!("the environment variable {name}"))?;
    }
    // By way of text, so that what is wrong is shown in its line.
    let is_changed = table != toml::from_str::<toml::Table>(text)?;
    let file = if is_changed { table.try_into()? } else { toml::from_str(text)? };
    Ok(file)
}

/// Sets a value by the names that lead to it. What is TOML is taken as such, anything else as a string.
fn put(table: &mut toml::Table, path: &str, value: &str) -> anyhow::Result<()> {
    let Some((first, rest)) = path.split_once("__") else {
        let parsed: Option<toml::Table> = toml::from_str(&format!("value = {value}")).ok();
        let parsed = parsed.and_then(|mut parsed| parsed.remove("value"));
        table.insert(path.to_owned(), parsed.unwrap_or_else(|| toml::Value::String(value.to_owned())));
        return Ok(());
    };
    let inner = table.entry(first).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    let inner = inner.as_table_mut().with_context(|| format!("`{first}` is no table"))?;
    put(inner, rest, value)
}

impl File {
    /// What the platform is made of.
    pub fn names(&self) -> &Names {
        &self.platform
    }

    /// The names of the functions that are not in this process.
    pub fn function_names(&self) -> Vec<&str> {
        self.functions.keys().map(String::as_str).collect()
    }

    /// The names of the file's own roles.
    pub fn role_names(&self) -> Vec<&str> {
        self.roles.keys().map(String::as_str).collect()
    }

    /// Whether a role that is not configured may do nothing.
    pub fn are_roles_enforced(&self) -> bool {
        self.iam.enforce
    }

    /// The services that are somewhere else.
    pub fn remote(&self) -> anyhow::Result<BTreeMap<String, RemoteSettings>> {
        let mut remote = BTreeMap::new();
        for (name, table) in &self.services {
            anyhow::ensure!(
                EMBEDDED.contains(&&**name),
                "[services.{name}] is no service of this program; expected one of {}",
                EMBEDDED.join(", ")
            );
            let url = match &*table.endpoint {
                "embedded" => continue,
                "aws" => None,
                url => Some(url.to_owned()),
            };
            remote.insert(name.clone(), RemoteSettings { url, key: key() });
        }
        Ok(remote)
    }

    /// The functions that are not in this process.
    pub fn functions(
        &self,
        region: &str,
        url: &str,
        access_key: Option<&AccessKey>,
    ) -> anyhow::Result<BTreeMap<String, Arc<dyn Function>>> {
        let mut functions: BTreeMap<String, Arc<dyn Function>> = BTreeMap::new();
        for (name, table) in &self.functions {
            anyhow::ensure!(
                (1..=TIMEOUT_SECONDS_MAX).contains(&table.timeout_seconds),
                "timeout_seconds of [functions.{name}] is {}; expected 1 to {TIMEOUT_SECONDS_MAX}",
                table.timeout_seconds
            );
            let timeout = Duration::from_secs(table.timeout_seconds);
            let function: Arc<dyn Function> = match (&table.command, &table.url) {
                (Some(command), None) if !command.is_empty() => Arc::new(Process::new(ProcessSettings {
                    name: name.clone(),
                    command: command.clone(),
                    directory: table.directory.clone(),
                    handler: table.handler.clone(),
                    environment: table.environment.clone(),
                    timeout,
                    memory_mb: table.memory_mb,
                    concurrency: table.concurrency,
                    region: region.to_owned(),
                    endpoint_url: url.to_owned(),
                    access_key: access_key.cloned(),
                })),
                (None, Some(url)) => Arc::new(Url::new(url, timeout)),
                _ => anyhow::bail!("[functions.{name}] has to have either a command or a url"),
            };
            functions.insert(name.clone(), function);
        }
        Ok(functions)
    }

    /// What roles may do: those that ship with the workflow, and those of the file, which win.
    pub fn roles(&self, shipped: BTreeMap<String, Vec<Policy>>, account: &str) -> anyhow::Result<Roles> {
        let mut known = shipped;
        for (name, table) in &self.roles {
            let mut policies = Vec::new();
            let mut add = |place: &str, text: &str| -> anyhow::Result<()> {
                policies.push(
                    Policy::parse(text).with_context(|| format!("{place} of [roles.{name}] is wrong"))?,
                );
                Ok(())
            };
            if let Some(text) = &table.policy {
                add("the policy", text)?;
            }
            for path in &table.policies {
                let path = self.folder.join(path);
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("{} of [roles.{name}] cannot be read", path.display()))?;
                add(&path.display().to_string(), &text)?;
            }
            let arn = if name.starts_with("arn:") { name.clone() } else { roles::arn(account, name) };
            known.insert(arn, policies);
        }
        Ok(Roles::new(known, self.iam.enforce, Clock::System))
    }

    /// Where mail is handed over.
    pub fn mail(&self) -> Option<Mail> {
        self.mail.as_ref().map(|mail| Mail { relay: mail.relay.clone(), from: mail.from.clone() })
    }

    /// What `http:invoke` may do.
    pub fn http(&self) -> HttpSettings {
        let connections = self.connections.iter();
        HttpSettings {
            allow_private: self.http.allow_private,
            connections: connections
                .map(|(name, table)| (name.clone(), Connection { headers: table.headers.clone() }))
                .collect(),
        }
    }
}

/// The key of AWS's own variables, with which calls of remote services are signed.
fn key() -> Option<AccessKey> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    Some(AccessKey {
        id: variable("AWS_ACCESS_KEY_ID")?,
        secret: variable("AWS_SECRET_ACCESS_KEY")?,
        session_token: variable("AWS_SESSION_TOKEN"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_what_is_wrong_in_it_is_named() {
        let check = |text: &str| -> anyhow::Result<(usize, usize)> {
            let file = parse(text, std::iter::empty())?;
            file.roles(BTreeMap::new(), "000000000000")?;
            Ok((file.remote()?.len(), file.functions("us-east-1", "http://x", None)?.len()))
        };
        for (text, expected) in [
            ("", Ok((0, 0))),
            ("[services.sqs]\nendpoint = \"aws\"\n[services.s3]\nendpoint = \"embedded\"", Ok((1, 0))),
            ("[functions.f]\ncommand = [\"./bootstrap\"]\n[functions.g]\nurl = \"http://x\"", Ok((0, 2))),
            ("[services.ec2]\nendpoint = \"aws\"", Err("[services.ec2] is no service")),
            ("[functions.f]\nhandler = \"a.b\"", Err("either a command or a url")),
            ("[functions.f]\nurl = \"http://x\"\ntimeout_seconds = 901", Err("timeout_seconds")),
            ("[iam]\nenforce = true\n[roles.r]\npolicy = '{\"Statement\": []}'", Ok((0, 0))),
            (
                "[roles.r]\npolicy = '{}'",
                Err("the policy of [roles.r] is wrong: the policy has no `Statement`"),
            ),
            ("[roles.r]\npolicies = [\"nowhere/p.json\"]", Err("nowhere/p.json of [roles.r] cannot be read")),
            ("[sevrices]", Err("sevrices")),
        ] {
            match (check(text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(error), Err(words)) => assert!(format!("{error:#}").contains(words), "{error:#}"),
                (found, expected) => panic!("{text}: {found:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn variables_win_over_the_file() {
        let variables = [
            ("DARKROOM__PLATFORM__TABLE", "photos"),
            ("DARKROOM__IAM__ENFORCE", "true"),
            ("DARKROOM__SERVICES__SQS__ENDPOINT", "aws"),
            ("DARKROOM__FUNCTIONS__F__COMMAND", "[\"./f\"]"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = "[platform]\ntable = \"t\"\ntopic = \"own\"\n[services.sqs]\nendpoint = \"embedded\"";
        let file = parse(text, variables.into_iter()).unwrap();
        assert_eq!((&*file.names().table, &*file.names().topic), ("photos", "own"));
        assert!(file.are_roles_enforced() && file.remote().unwrap().contains_key("sqs"));
        assert_eq!(file.function_names(), ["f"]);
        for (name, value, words) in [
            ("DARKROOM__PLATFORM__TABLES", "x", "tables"),
            ("DARKROOM__IAM__ENFORCE", "perhaps", "enforce"),
            ("DARKROOM__PLATFORM__TABLE__NAME", "x", "`table` is no table"),
        ] {
            let wrong = parse(text, [(name.to_owned(), value.to_owned())].into_iter()).unwrap_err();
            assert!(format!("{wrong:#}").contains(words), "{wrong:#}");
        }
    }
}
