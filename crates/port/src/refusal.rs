//! Why a request is not let in.

use std::error::Error;

use http::StatusCode;

/// A request that is not let in. The texts are AWS's where AWS has one; services name these errors each in their way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A request that must be signed and is not.
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,
    /// A signature that lacks something; what is missing, in sentences.
    #[error("{0}")]
    IncompleteSignature(String),
    /// An access key that the server does not know, or not with this session token.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,
    /// A signature that is not the right one for this request, or not at this time.
    #[error("{0}")]
    InvalidSignature(String),
    /// The body is not the one whose hash was signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    ContentMismatch,
    /// More bytes than are taken.
    #[error("The request is too large")]
    TooLarge,
    /// The body did not come in time.
    #[error("The request's body did not come in time")]
    Timeout,
    /// So much is under way that there is no memory for this: it may be sent again.
    #[error("Rate exceeded")]
    Throttling,
    /// The connection or its framing broke within the body.
    #[error("the body cannot be read: {0}")]
    Broken(String),
}

impl Refusal {
    /// The error's name in AWS's JSON protocols. The others have names of their own.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::IncompleteSignature(_) => "IncompleteSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::InvalidSignature(_) | Self::ContentMismatch => "InvalidSignatureException",
            Self::TooLarge => "RequestEntityTooLargeException",
            Self::Timeout => "RequestTimeoutException",
            Self::Throttling => "ThrottlingException",
            Self::Broken(_) => "SerializationException",
        }
    }

    /// HTTP's status in the same protocols.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::MissingAuthenticationToken
            | Self::IncompleteSignature(_)
            | Self::UnrecognizedClient
            | Self::InvalidSignature(_)
            | Self::ContentMismatch
            | Self::Throttling
            | Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Why a body could not be read.
    pub fn of_body(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refusal) = error.downcast_ref::<Self>() {
                return refusal.clone();
            }
            cause = error.source();
        }
        Self::Broken(error.to_string())
    }
}
