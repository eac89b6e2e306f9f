//! Asks the API server what an account may do.

use super::fact::{Fact, Unread};
use super::part::Part;
use super::reader::AT_ONCE;
use super::wish::{Wish, wishes};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};

/// What an account may not do although it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// `system:serviceaccount:NAMESPACE:NAME`.
    pub user: String,
    /// In the order of the chart's rules.
    pub wishes: Vec<Wish>,
}

/// What the accounts of the parts lack; an account that lacks nothing is not named.
pub async fn missing(client: &Client, parts: &[Part]) -> Fact<Vec<Missing>> {
    let mut all = Vec::new();
    for part in parts {
        let user = format!("system:serviceaccount:{}:{}", part.namespace(), part.account());
        let wanted = wishes(part).map_err(|error| Unread::because("the chart's rules", error.to_string()))?;
        let asked = stream::iter(wanted).map(|wish| {
            let user = &user;
            async move { allowed(client, user, &wish).await.map(|allowed| (!allowed).then_some(wish)) }
        });
        let wishes: Vec<Option<Wish>> = asked.buffered(AT_ONCE).try_collect().await?;
        let wishes: Vec<Wish> = wishes.into_iter().flatten().collect();
        if !wishes.is_empty() {
            all.push(Missing { user, wishes });
        }
    }
    Ok(all)
}

async fn allowed(client: &Client, user: &str, wish: &Wish) -> Fact<bool> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.to_owned()),
            groups: Some(groups(user)),
            resource_attributes: Some(ResourceAttributes {
                group: some(&wish.group),
                resource: some(&wish.resource),
                subresource: some(&wish.subresource),
                verb: some(&wish.verb),
                name: some(&wish.name),
                namespace: wish.namespace.clone(),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await;
    let resource = "subjectaccessreviews.authorization.k8s.io";
    let answer = answer.map_err(|e| Unread::of(&e, "what the accounts may do".to_owned(), "create", resource))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// The groups of a service account, which a role may be bound to as well.
fn groups(user: &str) -> Vec<String> {
    let namespace = user.split(':').nth(2).unwrap_or_default();
    let own = format!("system:serviceaccounts:{namespace}");
    vec!["system:serviceaccounts".to_owned(), own, "system:authenticated".to_owned()]
}
