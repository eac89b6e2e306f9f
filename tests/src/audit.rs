//! What the API server was asked, by whom: its audit log.

use crate::cluster::Cluster;
use crate::wait::wait_for;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A place in the log.
#[derive(Debug, Clone, Copy)]
pub struct AuditMark(u64);

/// One request, after it was answered; a watch, after it began.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    stage: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The path and query of the request.
    #[serde(rename = "requestURI")]
    pub uri: String,
    /// The program that asked.
    #[serde(default)]
    pub user_agent: String,
    user: User,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: Status,
    /// What was sent; only of what a component writes.
    #[serde(default)]
    pub request_object: Value,
    /// When the request came.
    #[serde(rename = "requestReceivedTimestamp")]
    pub received: Timestamp,
    /// When it was answered; for a watch, when it began.
    #[serde(rename = "stageTimestamp")]
    pub answered: Timestamp,
    /// The line of the log.
    #[serde(skip)]
    pub line: String,
}

/// Empty for a request that was broken off before it was known who asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    extra: BTreeMap<String, Vec<String>>,
}

/// Empty where the request names no such thing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
    message: String,
}

impl AuditEvent {
    /// The user, as `system:serviceaccount:NAMESPACE:ACCOUNT`.
    pub fn user(&self) -> &str {
        &self.user.username
    }

    /// Which token the user came with. Every start of a controller gets one of its own, so it names the process.
    pub fn credential(&self) -> &str {
        let id = self.user.extra.get("authentication.kubernetes.io/credential-id");
        id.and_then(|ids| ids.first()).map(String::as_str).unwrap_or_default()
    }

    /// The namespace of the object; empty for cluster-scoped things.
    pub fn namespace(&self) -> &str {
        &self.object_ref.namespace
    }

    /// The object's name; empty for lists and watches.
    pub fn name(&self) -> &str {
        &self.object_ref.name
    }

    /// The resource with its subresource, as `azurekeyvaultsecrets/status`.
    pub fn resource(&self) -> String {
        let ObjectRef { resource, subresource, .. } = &self.object_ref;
        if subresource.is_empty() { resource.clone() } else { format!("{resource}/{subresource}") }
    }

    /// The HTTP status of the answer.
    pub fn code(&self) -> u16 {
        self.response_status.code
    }

    /// What the API server said to it; empty unless it refused.
    pub fn answer(&self) -> &str {
        &self.response_status.message
    }

    /// Whether it changed something, or would have.
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }

    /// Whether it did change something: an accepted write.
    pub fn has_written(&self) -> bool {
        self.is_write() && (200..300).contains(&self.code())
    }

    fn is_told_once(&self) -> bool {
        // A watch is logged when it begins and again when it ends.
        let stage = if self.verb == "watch" { "ResponseStarted" } else { "ResponseComplete" };
        self.stage == stage
    }
}

impl Cluster {
    /// The end of the log after everything that has been answered until now.
    pub async fn audit_mark(&self) -> AuditMark {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let marker = format!("/version?audit-mark={}", COUNT.fetch_add(1, Ordering::Relaxed));
        let before = self.audit_length();
        let request = http::Request::get(&marker).body(Vec::new()).expect("the path is legal");
        let asked = self.admin().await.request_text(request).await;
        asked.unwrap_or_else(|error| panic!("the API server does not say its version: {error}"));
        wait_for("the audit log to hold our own request", Duration::from_secs(10), || async {
            self.audit_text(AuditMark(before)).contains(&format!("{marker}\"")).then(|| AuditMark(self.audit_length()))
        })
        .await
    }

    /// Every request since `mark` that has been answered until now, in the order of the answers.
    pub async fn audit_since(&self, mark: AuditMark) -> Vec<AuditEvent> {
        self.audit_mark().await;
        let text = self.audit_text(mark);
        // The last line may be half written by a request that came later.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let parse = |line: &str| {
            let event: AuditEvent =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("audit log: {error}: {line}"));
            AuditEvent { line: line.to_owned(), ..event }
        };
        whole.lines().map(parse).filter(AuditEvent::is_told_once).collect()
    }

    fn audit_length(&self) -> u64 {
        std::fs::metadata(self.audit_log()).map_or(0, |file| file.len())
    }

    fn audit_text(&self, from: AuditMark) -> String {
        let path = self.audit_log();
        let mut text = Vec::new();
        let read = std::fs::File::open(&path).and_then(|mut file| {
            file.seek(SeekFrom::Start(from.0))?;
            file.read_to_end(&mut text)
        });
        read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        String::from_utf8_lossy(&text).into_owned()
    }
}
