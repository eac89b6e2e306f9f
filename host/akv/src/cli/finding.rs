//! What `lint` and `render` say about a resource.

use akv_core::{Fault, Warning};
use serde::Serialize;

/// One fault or warning, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file as it was named; `-` for stdin.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// Kind, namespace and name, as `AzureKeyVaultSecret shop/db`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// Does it stop the resource?
    pub severity: Severity,
    /// A word of the list of reasons that conditions use; faults have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Where in the resource, as `spec.output.secret.dataKey`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// One sentence: what is wrong and what to do.
    pub message: String,
}

/// Does it stop the resource?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does.
    Error,
    /// It is accepted and does nothing, or could not be looked at.
    Warning,
}

/// A finding before its place in a file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Does it stop the resource?
    pub severity: Severity,
    /// A word of the list of reasons.
    pub reason: Option<&'static str>,
    /// Where in the resource.
    pub path: String,
    /// One sentence.
    pub message: String,
}

impl Remark {
    /// A fault.
    pub fn fault(reason: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, reason: Some(reason), path: path.into(), message: message.into() }
    }

    /// A warning.
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, reason: None, path: path.into(), message: message.into() }
    }
}

impl From<Fault> for Remark {
    fn from(fault: Fault) -> Self {
        Self::fault(fault.reason, fault.path, fault.message)
    }
}

impl From<Warning> for Remark {
    fn from(warning: Warning) -> Self {
        Self::warning(warning.path, warning.message)
    }
}

/// One line each, as compilers do.
pub fn text(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, line, path, message, resource, .. } = self;
        let severity = match (self.severity, self.reason) {
            (Severity::Error, Some(reason)) => format!("error {reason}"),
            (Severity::Error, None) => "error".to_owned(),
            (Severity::Warning, _) => "warning".to_owned(),
        };
        let place = if path.is_empty() { resource } else { path };
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        write!(f, "{file}:{line}: {severity}: {place}{message}")
    }
}

/// How many of a severity.
pub fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|f| f.severity == severity).count()
}
