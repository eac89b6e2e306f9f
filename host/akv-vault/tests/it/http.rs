//! HTTP/1.1 as far as the tests need it, with every way of going wrong.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub host: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    /// Whether the request carries a token, and not the empty one.
    pub fn has_token(&self) -> bool {
        let header = self.headers.get("authorization");
        header.is_some_and(|text| text.strip_prefix("Bearer ").is_some_and(|token| !token.is_empty()))
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> String {
        let pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, text)| decode(text)).next().unwrap_or_default()
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).expect("hex"));
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).expect("text")
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, further headers, a body.
    Full(u16, Vec<(&'static str, String)>, String),
    /// The same, but the connection closes in the middle of the body.
    Truncated(String),
    /// The connection closes without an answer.
    Reset,
    /// Nothing, while the connection stays open.
    SlowHeaders,
    /// Headers and half a body, while the connection stays open.
    SlowBody(String),
}

impl Reply {
    pub fn ok(body: impl Into<String>) -> Self {
        Self::Full(200, Vec::new(), body.into())
    }

    pub fn error(status: u16, code: &str, inner: &str, message: &str) -> Self {
        let body =
            format!(r#"{{"error":{{"code":"{code}","message":"{message}","innererror":{{"code":"{inner}"}}}}}}"#);
        Self::Full(status, vec![("x-ms-request-id", "req-1".to_owned())], body)
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
}

/// The next request; nothing when the client is done.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut request = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (request.next()?, request.next()?);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, text)| (name.to_ascii_lowercase(), text.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |text| text.parse().expect("a number"));
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[end + 4..].to_vec()).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
    Some(Asked {
        method,
        host: headers.get("host").cloned().unwrap_or_default(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}

/// Writes a reply; `true` if the connection goes on.
pub async fn write<S: AsyncWrite + Unpin>(stream: &mut S, reply: Reply) -> std::io::Result<bool> {
    let forever = std::future::pending::<()>();
    match reply {
        Reply::Full(status, headers, body) => {
            let headers: String = headers.iter().map(|(name, text)| format!("{name}: {text}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            stream.flush().await?;
            Ok(true)
        }
        Reply::Truncated(body) => {
            stream.write_all(half(&body).as_bytes()).await?;
            stream.flush().await?;
            Ok(false)
        }
        Reply::Reset => Ok(false),
        Reply::SlowHeaders => {
            forever.await;
            Ok(false)
        }
        Reply::SlowBody(body) => {
            stream.write_all(half(&body).as_bytes()).await?;
            stream.flush().await?;
            forever.await;
            Ok(false)
        }
    }
}

fn half(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", body.len(), &body[..body.len() / 2])
}
