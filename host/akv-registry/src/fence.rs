//! Where a look-up may go. It obeys whoever may create a pod, so everything that names a place is judged here: the image,
//! the realm of a challenge, the target of a redirect, and every address that a name resolves to.

use std::net::IpAddr;

use reqwest::Url;

use crate::fault::Fault;
use crate::host::Host;
use crate::host_pattern::HostPattern;
use crate::network::Networks;

/// What a request is for, which decides where it may go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// The registry of an image, or its mirror.
    Registry,
    /// The token service of this registry, which is shown the credential.
    Realm(&'a Host),
    /// Where the registry sent us, without a credential: blobs lie in stores of their own.
    Redirect,
}

/// Whether we make the connection and so see the address, or a proxy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    Direct,
    Proxied,
}

/// A URL that may be asked for its purpose. Only [`Fence::permit`] makes one.
#[derive(Debug)]
pub(crate) struct Permit {
    url: Url,
    host: Host,
}

impl Permit {
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }
}

/// The rules of an installation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fence {
    /// The allow-list; registries of mirrors and Docker Hub's second name are in it too.
    pub(crate) hosts: Vec<HostPattern>,
    /// Registries that speak plain HTTP. Being here allows them.
    pub(crate) insecure: Vec<Host>,
    /// Registries, and the token services elsewhere that belong to them.
    pub(crate) realms: Vec<(HostPattern, HostPattern)>,
    pub(crate) networks: Networks,
}

impl Fence {
    /// Whether a registry may be asked at all.
    pub(crate) fn lists(&self, host: &Host) -> bool {
        self.hosts.iter().any(|pattern| pattern.covers(host)) || self.is_insecure(host)
    }

    /// Whether a registry speaks plain HTTP.
    pub(crate) fn is_insecure(&self, host: &Host) -> bool {
        self.insecure.iter().any(|listed| listed.is_same_plain(host))
    }

    /// Judges an address that a name resolved to, or that was written instead of a name.
    pub(crate) fn address(&self, host: &str, address: IpAddr) -> Result<(), Fault> {
        match self.networks.fault(address) {
            None => Ok(()),
            Some(what) => Err(Fault::Address { host: host.to_owned(), address, what }),
        }
    }

    /// Judges a URL. What a name resolves to is judged when the connection is made, not here: it may have changed by then.
    /// Behind a proxy nobody judges it, so there a host must be named by an entry of the list, and `*` names none.
    pub(crate) fn permit(&self, url: Url, purpose: Purpose<'_>, sight: Sight) -> Result<Permit, Fault> {
        let astray = || Fault::Astray(shown(&url));
        let host = Host::of(&url).ok_or_else(astray)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(astray());
        }
        match url.scheme() {
            "https" => {}
            "http" if self.is_insecure(&host) => {}
            _ => return Err(astray()),
        }
        match purpose {
            Purpose::Registry if !self.lists(&host) => return Err(Fault::NotListed(host)),
            Purpose::Realm(registry) if !self.is_realm(registry, &host) => return Err(Fault::Realm(host.to_string())),
            // Ports that are not for HTTPS are not for us, unless a registry is there.
            Purpose::Redirect if host.port().is_some() && !self.lists(&host) => return Err(astray()),
            _ => {}
        }
        if let Some(address) = host.address() {
            self.address(host.name(), address)?;
        }
        if sight == Sight::Proxied && !matches!(purpose, Purpose::Realm(_)) && !self.names(&host) {
            return Err(Fault::Hidden(host));
        }
        Ok(Permit { url, host })
    }

    fn names(&self, host: &Host) -> bool {
        self.hosts.iter().any(|pattern| pattern.is_named() && pattern.covers(host)) || self.is_insecure(host)
    }

    /// Whether a token service is of the registry's own domain: the same host and port, or listed for it.
    fn is_realm(&self, registry: &Host, realm: &Host) -> bool {
        registry == realm || self.realms.iter().any(|(of, at)| of.covers(registry) && at.covers(realm))
    }
}

/// A URL's origin, which is all of it that a message needs.
fn shown(url: &Url) -> String {
    url.host_str().map_or_else(
        || "a URL without a host".to_owned(),
        |host| format!("{}://{host}{}", url.scheme(), url.port().map(|port| format!(":{port}")).unwrap_or_default()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    fn fence() -> Fence {
        let hosts = ["registry.example", "*.azurecr.io", "other.example:5000", "169.254.169.254", "10.0.0.9"];
        let pattern = |text: &str| HostPattern::parse(text).expect("a pattern");
        Fence {
            hosts: hosts.map(pattern).to_vec(),
            insecure: vec![Host::parse("plain.example:5000").expect("a host")],
            realms: vec![(pattern("registry.example"), pattern("auth.example"))],
            networks: Networks::default(),
        }
    }

    fn judged(fence: &Fence, url: &str, purpose: Purpose<'_>, sight: Sight) -> Option<Reason> {
        fence.permit(Url::parse(url).expect(url), purpose, sight).err().map(|fault| fault.reason())
    }

    #[test]
    fn registries_are_those_of_the_list() {
        for (url, expected) in [
            ("https://registry.example/v2/", None),
            ("https://REGISTRY.example:443/v2/", None),
            ("https://my.azurecr.io/v2/", None),
            ("https://other.example:5000/v2/", None),
            ("http://plain.example:5000/v2/", None),
            ("https://10.0.0.9/v2/", None),
            ("https://evil-azurecr.io/v2/", Some(Reason::RegistryNotAllowed)),
            ("https://azurecr.io.evil.example/v2/", Some(Reason::RegistryNotAllowed)),
            ("https://registry.example:22/v2/", Some(Reason::RegistryNotAllowed)),
            ("https://kubernetes.default.svc/v2/", Some(Reason::RegistryNotAllowed)),
            ("http://registry.example/v2/", Some(Reason::RegistryRefused)),
            ("https://user:secret@registry.example/v2/", Some(Reason::RegistryRefused)),
            ("https://169.254.169.254/v2/", Some(Reason::RegistryRefused)),
            // To a URL these are all 169.254.169.254.
            ("https://2852039166/v2/", Some(Reason::RegistryRefused)),
            ("https://0xa9.0xfe.0xa9.0xfe/v2/", Some(Reason::RegistryRefused)),
            ("https://0251.0376.0251.0376/v2/", Some(Reason::RegistryRefused)),
            ("https://[::ffff:169.254.169.254]/v2/", Some(Reason::RegistryNotAllowed)),
            ("ftp://registry.example/", Some(Reason::RegistryRefused)),
            ("file:///etc/passwd", Some(Reason::RegistryRefused)),
        ] {
            assert_eq!(judged(&fence(), url, Purpose::Registry, Sight::Direct), expected, "{url}");
        }
    }

    #[test]
    fn a_realm_is_of_the_registrys_own_domain() {
        let registry = Host::parse("registry.example").expect("a host");
        for (url, free) in [
            ("https://registry.example/token", true),
            ("https://auth.example/token", true),
            ("http://registry.example/token", false),
            ("https://registry.example:8443/token", false),
            ("https://registry.example@evil.example/token", false),
            ("https://registry.example.evil.example/token", false),
            ("https://example/token", false),
            ("https://my.azurecr.io/token", false),
            ("https://x.auth.example/token", false),
        ] {
            let found = judged(&fence(), url, Purpose::Realm(&registry), Sight::Direct);
            assert_eq!(found.is_none(), free, "{url}: {found:?}");
        }
    }

    #[test]
    fn a_redirect_stays_with_https_and_free_addresses() {
        for (url, free) in [
            ("https://blobs.example/x?signature=y", true),
            ("https://other.example:5000/x", true),
            ("https://blobs.example:22/x", false),
            ("http://blobs.example/x", false),
            ("https://a@blobs.example/x", false),
            ("https://127.0.0.1/x", false),
            ("https://[::1]/x", false),
            ("https://[::ffff:7f00:1]/x", false),
            ("https://169.254.169.254/metadata", false),
            ("data:text/plain,x", false),
        ] {
            let found = judged(&fence(), url, Purpose::Redirect, Sight::Direct);
            assert_eq!(found.is_none(), free, "{url}: {found:?}");
        }
    }

    #[test]
    fn behind_a_proxy_only_named_hosts_are_free() {
        let mut fence = fence();
        fence.hosts.push(HostPattern::parse("*").expect("a pattern"));
        for (url, purpose, free) in [
            ("https://registry.example/v2/", Purpose::Registry, true),
            ("https://x.azurecr.io/v2/", Purpose::Registry, true),
            ("https://inside.corp/v2/", Purpose::Registry, false),
            ("https://inside.corp/blob", Purpose::Redirect, false),
            ("https://registry.example/blob", Purpose::Redirect, true),
        ] {
            assert!(judged(&fence, url, purpose, Sight::Direct).is_none(), "{url}");
            assert_eq!(judged(&fence, url, purpose, Sight::Proxied).is_none(), free, "{url}");
        }
    }
}
