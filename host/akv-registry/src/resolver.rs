//! Names to addresses, through the fence: the addresses that are judged are the ones that are connected to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::fault::Fault;
use crate::fence::Fence;

/// The system's resolver behind the fence. One refused address refuses the name: which of several is used is not ours to
/// say, and nobody's registry has such a mixture.
///
/// Names below `.localhost` are this machine (RFC 6761 section 6.3), whatever a DNS server makes of them.
pub(crate) struct FencedResolver(pub(crate) Arc<Fence>);

impl Resolve for FencedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let fence = self.0.clone();
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found = if host == "localhost" || host.ends_with(".localhost") {
                vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]
            } else {
                look_up(&host).await?
            };
            for address in &found {
                fence.address(&host, address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Resolves the hosts of proxies and nothing else, so that no request can get past its proxy.
pub(crate) struct ProxyResolver(pub(crate) Vec<String>);

impl Resolve for ProxyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let known = self.0.iter().any(|proxy| proxy.eq_ignore_ascii_case(&host));
        Box::pin(async move {
            if !known {
                return Err(Fault::Name(host, "it is no proxy".to_owned()).into());
            }
            Ok(Box::new(look_up(&host).await?.into_iter()) as Addrs)
        })
    }
}

async fn look_up(host: &str) -> Result<Vec<SocketAddr>, Fault> {
    // Port 0 stands for the URL's own.
    let found = tokio::net::lookup_host((host, 0)).await;
    Ok(found.map_err(|fault| Fault::Name(host.to_owned(), fault.to_string()))?.collect())
}
