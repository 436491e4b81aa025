//! The X-Ray daemon of a server, where its port is free.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use darkroom_services::endpoint::Endpoints;
use darkroom_services::xray::Daemon;
use tokio::runtime::Handle;

use crate::cli::ServeArguments;

/// Where the daemon is to listen, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            address => {
                let address: SocketAddr =
                    address.parse().map_err(|_| "it is `off` or HOST:PORT".to_owned())?;
                if !address.ip().to_canonical().is_loopback() {
                    return Err("nobody signs what is sent to it: it is one of this machine's own addresses"
                        .to_owned());
                }
                Ok(Self::At(address))
            }
        }
    }
}

/// Starts it, and answers the line that says where it is, or why it is not. A server without one is a server all the same.
pub async fn start(arguments: &ServeArguments, endpoints: Arc<Endpoints>, runtime: &Handle) -> String {
    let Place::At(address) = arguments.xray_daemon else { return String::new() };
    match Daemon::bind(address).await {
        Ok(daemon) => {
            let line = format!("x-ray daemon at {}\n", daemon.address());
            runtime.spawn(daemon.run(endpoints, arguments.region.clone(), arguments.account.clone()));
            line
        }
        Err(error) => format!("no x-ray daemon: {address} cannot be listened on: {error}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_on_this_machine_alone() {
        for (text, is_one) in [
            ("off", true),
            ("127.0.0.1:2000", true),
            ("[::1]:0", true),
            ("0.0.0.0:2000", false),
            ("localhost", false),
            ("on", false),
        ] {
            assert_eq!(text.parse::<Place>().is_ok(), is_one, "{text}");
        }
    }
}
