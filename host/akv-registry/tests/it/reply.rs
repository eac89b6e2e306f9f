//! What is asked and answered, with every way of going wrong.

use std::convert::Infallible;

use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, Response};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};

type Chunks = std::pin::Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Without the port.
    pub host: String,
    pub path: String,
    pub query: String,
    pub authorization: Option<String>,
    pub body: String,
}

impl Asked {
    /// A field of the query or of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        let url = reqwest::Url::parse(&format!("https://x/?{}&{}", self.query, self.body)).expect("a URL");
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn line(&self) -> String {
        format!("{} {}{}", self.method, self.host, self.path)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    Full(u16, Vec<(&'static str, String)>, String),
    /// Nothing, while the connection stays open.
    Silence,
    /// The beginning of a body, and nothing more.
    Half(String),
    /// A body without an end and without a length.
    Endless,
}

impl Reply {
    pub fn ok(body: impl Into<String>) -> Self {
        Self::Full(200, Vec::new(), body.into())
    }

    pub fn status(status: u16) -> Self {
        Self::Full(status, Vec::new(), String::new())
    }

    pub fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        match self {
            Self::Full(status, mut headers, body) => {
                headers.push((name, value.into()));
                Self::Full(status, headers, body)
            }
            other => other,
        }
    }

    pub fn redirect(location: impl Into<String>) -> Self {
        Self::status(307).with("location", location)
    }

    /// The refusal of a registry that wants a token of a realm.
    pub fn bearer(realm: &str) -> Self {
        Self::status(401).with("www-authenticate", format!(r#"Bearer realm="{realm}",service="the service",scope="x""#))
    }

    pub async fn response(self) -> Response<StreamBody<Chunks>> {
        let chunk = |text: String| Ok(Frame::data(Bytes::from(text)));
        let (status, headers, chunks): (_, _, Chunks) = match self {
            Self::Full(status, headers, body) => (status, headers, stream::iter([chunk(body)]).boxed()),
            Self::Silence => std::future::pending().await,
            Self::Half(body) => (200, Vec::new(), stream::iter([chunk(body)]).chain(stream::pending()).boxed()),
            Self::Endless => (200, Vec::new(), stream::repeat_with(move || chunk("x".repeat(65_536))).boxed()),
        };
        let mut response = Response::new(StreamBody::new(chunks));
        *response.status_mut() = status.try_into().expect("a status");
        let headers =
            headers.iter().map(|(name, text)| ((*name).try_into().expect("a name"), text.parse().expect("a value")));
        *response.headers_mut() = HeaderMap::from_iter(headers);
        response
    }
}
