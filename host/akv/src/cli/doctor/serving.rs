//! What the webhook shows on its admission port, seen with the eyes of the API server.

use super::fact::{Fact, Unread};
use k8s_openapi::api::admissionregistration::v1::WebhookClientConfig;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The API server waits for an answer no longer than this either.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is wrong with the certificate that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// No authority of the registration's bundle signed it.
    Foreign,
    /// It is over.
    Expired,
    /// It is for another name.
    Name,
    /// Something else, in the words of the TLS library.
    Other(String),
}

/// A certificate that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The name that was asked for.
    pub name: String,
    /// The certificate itself.
    pub certificate: CertificateDer<'static>,
    /// Why the API server would hang up; `None` if it would not.
    pub trouble: Option<Trouble>,
}

/// Where the admission port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A port of a pod behind a Service: namespace, pod, port.
    Pod(String, String, u16),
    /// A host and a port that this machine reaches, if the API server does.
    Host(String, u16),
}

/// The authorities of a bundle.
pub fn authorities(bundle: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(bundle).filter_map(Result::ok).collect()
}

/// Where to look, and the name that the API server asks for. `pod` is a ready pod of the webhook and its admission port.
pub fn place(config: &WebhookClientConfig, pod: Option<(&Pod, u16)>) -> Fact<(Place, String)> {
    let what = "the serving certificate";
    if let Some(service) = &config.service {
        let (pod, port) = pod.ok_or_else(|| Unread::because(what, "no pod of the webhook is ready to be asked"))?;
        let name = pod.metadata.name.clone().unwrap_or_default();
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        return Ok((Place::Pod(namespace, name, port), format!("{}.{}.svc", service.name, service.namespace)));
    }
    let url: http::Uri = config.url.as_deref().unwrap_or_default().parse().unwrap_or_default();
    let host = url.host().ok_or_else(|| Unread::because(what, "the registration leads nowhere"))?;
    Ok((Place::Host(host.to_owned(), url.port_u16().unwrap_or(443)), host.to_owned()))
}

/// Shakes hands with the webhook as the API server does, and says nothing to it.
pub async fn look(client: &Client, place: &Place, name: String, bundle: &[u8]) -> Fact<Shown> {
    let unread = |why: String| Unread::because("the serving certificate", why);
    let work = async {
        match place {
            Place::Host(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                shake_hands(stream.map_err(|e| unread(format!("{host}:{port}: {e}")))?, name, bundle).await
            }
            Place::Pod(namespace, pod, port) => {
                let pods = Api::<Pod>::namespaced(client.clone(), namespace);
                let mut forward = pods.portforward(pod, &[*port]).await.map_err(|error| {
                    let resource = format!("pods/portforward in namespace {namespace}");
                    Unread::of(
                        &error,
                        format!("the serving certificate, by way of pod {pod}"),
                        "get and create",
                        &resource,
                    )
                })?;
                let stream = forward.take_stream(*port).ok_or_else(|| unread("no stream was opened".to_owned()))?;
                shake_hands(stream, name, bundle).await
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, work).await;
    ended.unwrap_or_else(|_| Err(unread(format!("nobody answered for {} s", PATIENCE.as_secs()))))
}

async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(stream: S, name: String, bundle: &[u8]) -> Fact<Shown> {
    let unread = |why: String| Unread::because("the serving certificate", why);
    let server = ServerName::try_from(name.clone()).map_err(|error| unread(error.to_string()))?;
    let provider = CryptoProvider::get_default().cloned().ok_or_else(|| unread("TLS was not installed".to_owned()))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(bundle));
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    // Without a single authority there is none that could have signed.
    let inner =
        inner.build().map_err(|_| unread("the CA bundle of the registration holds no certificate".to_owned()))?;
    let seen = Arc::new(Watching { inner, seen: Mutex::default() });
    let config = ClientConfig::builder().dangerous().with_custom_certificate_verifier(seen.clone());
    let ended = TlsConnector::from(Arc::new(config.with_no_client_auth())).connect(server, stream).await;
    let seen = seen.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (seen, ended) {
        (Some((certificate, trouble)), _) => Ok(Shown { name, certificate, trouble }),
        (None, Err(error)) => Err(unread(error.to_string())),
        (None, Ok(_)) => Err(unread("the webhook showed no certificate".to_owned())),
    }
}

/// Decides as webpki does, and remembers what it decided on.
#[derive(Debug)]
struct Watching {
    inner: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<(CertificateDer<'static>, Option<Trouble>)>>,
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(end, between, name, ocsp, now);
        let trouble = verified.as_ref().err().map(trouble);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((end.clone().into_owned(), trouble));
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn trouble(error: &Error) -> Trouble {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => Trouble::Foreign,
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            Trouble::Expired
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Trouble::Name,
        other => Trouble::Other(other.to_string()),
    }
}
