//! The HTTP clients: one that connects itself, through the fence, and one that goes through the proxy of the environment.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Certificate, Client, ClientBuilder, Proxy, Url};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::fence::{Fence, Sight};
use crate::resolver::{FencedResolver, ProxyResolver};
use crate::settings::{Settings, SettingsError};

/// Admission waits some ten seconds: a host that does not answer a connection in this time will not answer in that.
const CONNECT: Duration = Duration::from_secs(4);

/// Both clients, and which one is for a URL.
pub(crate) struct Clients {
    direct: Client,
    proxied: Option<(Matcher, Client)>,
}

impl Clients {
    pub(crate) fn new(settings: &Settings, fence: Arc<Fence>) -> Result<Self, SettingsError> {
        let roots = roots(settings)?;
        let build = |builder: ClientBuilder| builder.build().map_err(|fault| SettingsError::Client(fault.to_string()));
        // The variables are looked at here and not by the library, so that a request cannot get past the fence by one.
        let direct = build(builder(roots.clone()).no_proxy().dns_resolver(Arc::new(FencedResolver(fence))))?;
        let proxied = match proxies(settings)? {
            None => None,
            Some((matcher, urls)) => {
                let names = urls.iter().filter_map(|(_, url)| url.host_str().map(str::to_owned)).collect();
                let mut builder = builder(roots).no_proxy().dns_resolver(Arc::new(ProxyResolver(names)));
                for (variable, url) in urls {
                    let proxy = match variable {
                        HTTPS => Proxy::https(url),
                        _ => Proxy::http(url),
                    };
                    builder = builder.proxy(proxy.map_err(|_| SettingsError::Proxy(variable))?);
                }
                Some((matcher, build(builder)?))
            }
        };
        Ok(Self { direct, proxied })
    }

    /// The client for a URL, and whether it will see the address.
    pub(crate) fn of(&self, url: &Url) -> (&Client, Sight) {
        let uri = url.as_str().parse::<http::Uri>().ok();
        match (&self.proxied, uri) {
            (Some((matcher, client)), Some(uri)) if matcher.intercept(&uri).is_some() => (client, Sight::Proxied),
            _ => (&self.direct, Sight::Direct),
        }
    }
}

fn builder(roots: Vec<Certificate>) -> ClientBuilder {
    // reqwest panics without one. Whoever was first wins, and here all are ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("akv2k8s/registry/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .http1_only()
        // A digest is of the bytes as they are, and a bound on them means something.
        .no_gzip()
        .tls_certs_merge(roots)
}

const HTTPS: &str = "HTTPS_PROXY";
const HTTP: &str = "HTTP_PROXY";

type Proxies = (Matcher, Vec<(&'static str, Url)>);

/// The proxies of the environment; an empty variable is an absent one, and lower case wins, as curl has it.
fn proxies(settings: &Settings) -> Result<Option<Proxies>, SettingsError> {
    let get = |name: &str| {
        let text = |name: &str| settings.environment.get(name).filter(|text| !text.trim().is_empty());
        text(&name.to_ascii_lowercase()).or_else(|| text(name)).map(|text| text.trim().to_owned())
    };
    let mut builder = Matcher::builder();
    let mut urls = Vec::new();
    for variable in [HTTPS, HTTP] {
        let Some(text) = get(variable) else { continue };
        let full = if text.contains("://") { text } else { format!("http://{text}") };
        let url = Url::parse(&full).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or(SettingsError::Proxy(variable))?;
        builder = if variable == HTTPS { builder.https(full) } else { builder.http(full) };
        urls.push((variable, url));
    }
    let matcher = builder.no(get("NO_PROXY").unwrap_or_default()).build();
    Ok((!urls.is_empty()).then_some((matcher, urls)))
}

fn roots(settings: &Settings) -> Result<Vec<Certificate>, SettingsError> {
    let Some(path) = &settings.extra_ca else { return Ok(Vec::new()) };
    let wrong = |problem: String| SettingsError::Authority { path: path.clone(), problem };
    let bytes = std::fs::read(path).map_err(|fault| wrong(fault.to_string()))?;
    let roots: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .filter_map(Result::ok)
        .filter_map(|der| Certificate::from_der(&der).ok())
        .collect();
    if roots.is_empty() { Err(wrong("it holds no certificate in PEM".to_owned())) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_what_goes_through_a_proxy() {
        let mut settings = Settings::new(Vec::new());
        for (name, text) in
            [("HTTPS_PROXY", "proxy.example:3128"), ("no_proxy", ".cluster.local,10.0.0.0/8,in.example")]
        {
            settings.environment.insert(name.to_owned(), text.to_owned());
        }
        let clients = Clients::new(&settings, Arc::default()).expect("clients");
        for (url, sight) in [
            ("https://ghcr.io/v2/", Sight::Proxied),
            ("http://ghcr.io/v2/", Sight::Direct),
            ("https://registry.cluster.local/v2/", Sight::Direct),
            ("https://10.1.2.3/v2/", Sight::Direct),
            ("https://in.example/v2/", Sight::Direct),
            ("https://169.254.169.254/", Sight::Proxied),
        ] {
            assert_eq!(clients.of(&Url::parse(url).expect(url)).1, sight, "{url}");
        }
    }

    #[test]
    fn a_bad_proxy_is_refused_without_its_password() {
        for text in ["socks5://u:canary@proxy.example", "http://", "http://u:canary@"] {
            let mut settings = Settings::new(Vec::new());
            settings.environment.insert(HTTPS.to_owned(), text.to_owned());
            let fault = Clients::new(&settings, Arc::default()).err().expect(text).to_string();
            assert!(fault.contains(HTTPS) && !fault.contains("canary"), "{fault}");
        }
    }
}
