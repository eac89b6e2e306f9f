//! The token exchange of Azure's container registries: a token of the cloud's identity service for one of the registry.
//!
//! The identity's token goes to the registry's own host, which [`crate::settings::Exchange::covers`] has found to be one
//! of the cloud's, over HTTPS, and across no redirect.

use http::Method;
use reqwest::Url;
use serde::Deserialize;
use tokio::time::Instant;

use crate::credential::Token;
use crate::fault::Fault;
use crate::host::Host;
use crate::settings::Exchange;
use crate::token::{self, Grant};
use crate::wire::{Ask, Wire, within};

const WHO: &str = "identity of the installation";

/// Gets a token for a repository of a registry of the cloud.
pub(crate) async fn bearer(
    wire: &Wire,
    exchange: &Exchange,
    registry: &Host,
    repository: &str,
    deadline: Instant,
) -> Result<Grant, Fault> {
    if !exchange.covers(registry) {
        return Err(Fault::NotListed(registry.clone()));
    }
    let identity =
        within(deadline, registry, (exchange.token)()).await?.map_err(|text| Fault::Identity(one_line(&text)))?;
    let service = registry.to_string();
    let mut form =
        vec![("grant_type", "access_token"), ("service", service.as_str()), ("access_token", identity.expose())];
    if let Some(tenant) = &exchange.tenant {
        form.push(("tenant", tenant));
    }
    let refresh = refresh_token(wire, registry, &form, deadline).await?;
    let scope = token::scope(repository);
    let form = [
        ("grant_type", "refresh_token"),
        ("service", service.as_str()),
        ("scope", &scope),
        ("refresh_token", refresh.expose()),
    ];
    let ask = post(registry, "token", &form, deadline)?;
    token::read(&wire.send(&ask).await?, WHO)
}

async fn refresh_token(
    wire: &Wire,
    registry: &Host,
    form: &[(&'static str, &str)],
    deadline: Instant,
) -> Result<Token, Fault> {
    #[derive(Deserialize)]
    struct Document {
        refresh_token: String,
    }
    let answer = wire.send(&post(registry, "exchange", form, deadline)?).await?;
    if answer.status != 200 {
        return Err(answer.fault(WHO));
    }
    let document: Document = serde_json::from_slice(&answer.body).map_err(|_| Fault::NoToken(answer.host.clone()))?;
    Ok(Token::new(document.refresh_token))
}

fn post<'a>(
    registry: &'a Host,
    path: &str,
    form: &'a [(&'static str, &'a str)],
    deadline: Instant,
) -> Result<Ask<'a>, Fault> {
    let url = Url::parse(&format!("https://{registry}/oauth2/{path}")).map_err(|_| Fault::Challenge)?;
    Ok(Ask { method: Method::POST, form: Some(form), ..token::ask(registry, url, deadline) })
}

/// The identity's sentence as one line of bounded length.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
