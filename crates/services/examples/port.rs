//! The services alone on a port, with a folder of their own and a function that gives back its event:
//! `cargo run -p darkroom-services --example port -- <folder> 127.0.0.1:4566`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use darkroom_port::Server;
use darkroom_services::clock::Clock;
use darkroom_services::lambda::{Function, InProcess, Workers};
use darkroom_services::roles::Roles;
use darkroom_services::s3::Folders;
use darkroom_services::tasks::HttpSettings;
use darkroom_services::wire::Home;
use darkroom_services::{Services, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data = PathBuf::from(arguments.next().ok_or("a folder is expected")?);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:4566".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let echo: Arc<dyn Function> =
        Arc::new(InProcess::new(Arc::new(|event| Ok(event.to_owned())), Workers::start("echo", 4)?));
    let settings = Settings {
        home: Home { region: "us-east-1".to_owned(), account: "000000000000".to_owned(), url: url.clone() },
        folders: Folders { root: data.join("buckets"), elsewhere: BTreeMap::new() },
        data,
        endpoints: Arc::default(),
        functions: BTreeMap::from([("echo".to_owned(), echo)]),
        mail: None,
        http: HttpSettings::default(),
        roles: Arc::new(Roles::none()),
        clock: Clock::System,
        segments: None,
    };
    let services = Services::open(settings, |_| Vec::new())?;
    println!("listening on {url}");
    Server::new(services.router.clone()).serve(listener, std::future::pending()).await;
    Ok(())
}
