//! A request over HTTP or HTTPS.

use http::Uri;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A server that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The status of the answer, a line break, the body. `--ca FILE`: the only authorities; without it HTTPS trusts nobody.
/// `--token FILE`: a bearer token. `--cert FILE`: a certificate of its own, chain and key.
pub fn get(url: &str, options: &[String]) -> Result<String, Box<dyn Error>> {
    let option = |name: &str| options.windows(2).find(|pair| pair[0] == name).map(|pair| &pair[1]);
    let uri: Uri = url.parse()?;
    let host = uri.host().ok_or("the URL has no host")?;
    let secure = uri.scheme_str() == Some("https");
    let tcp = TcpStream::connect((host, uri.port_u16().unwrap_or(if secure { 443 } else { 80 })))?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // Version 1.0, so that the body ends with the connection and not before.
    let mut request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\n");
    if let Some(file) = option("--token") {
        let token = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        request += &format!("Authorization: Bearer {}\r\n", token.trim());
    }
    request += "\r\n";
    let answer = if secure {
        let name = ServerName::try_from(host.to_owned())?;
        let connection = ClientConnection::new(Arc::new(config(option("--ca"), option("--cert"))?), name)?;
        exchange(StreamOwned::new(connection, tcp), &request)?
    } else {
        exchange(tcp, &request)?
    };
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("this is no answer of HTTP")?;
    let status = head.split(' ').nth(1).ok_or("the answer has no status")?;
    Ok(format!("{status}\n{body}"))
}

fn config(ca: Option<&String>, own: Option<&String>) -> Result<ClientConfig, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca {
        for certificate in CertificateDer::pem_file_iter(file)? {
            roots.add(certificate?)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots);
    let Some(file) = own else {
        return Ok(config.with_no_client_auth());
    };
    let chain = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
    Ok(config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(file)?)?)
}

fn exchange(mut stream: impl Read + Write, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // Many servers close without the farewell of TLS; the body is whole for all that this program is for.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}
