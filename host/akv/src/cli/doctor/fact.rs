//! What was fetched, or why it could not be.

use super::verdict::Verdict;
use kube::Error;
use kube::client::UpgradeConnectionError;

/// Something that was fetched.
pub type Fact<T> = Result<T, Unread>;

/// Something that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    what: String,
    why: String,
    permission: Option<String>,
}

impl Unread {
    /// What a request ended with. `verb` and `resource` are what it needs the permission for, `what` is what it asks for.
    pub fn of(error: &Error, what: String, verb: &str, resource: &str) -> Self {
        let needs = || Some(format!("{verb} {resource}"));
        match error {
            Error::Api(status) if matches!(status.code, 401 | 403) => {
                Self { what, why: "you may not read them".to_owned(), permission: needs() }
            }
            Error::Api(status) if status.code == 404 => {
                Self { what, why: "the server does not know this kind of resource".to_owned(), permission: None }
            }
            Error::Api(status) => Self { what, why: status.message.clone(), permission: None },
            Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) if code.as_u16() == 403 => {
                Self { what, why: "you may not do so".to_owned(), permission: needs() }
            }
            other => Self { what, why: other.to_string(), permission: None },
        }
    }

    /// For another reason.
    pub fn because(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), permission: None }
    }

    /// What a check says that needs it.
    pub fn verdict(&self, topic: &'static str) -> Verdict {
        let fix = self.permission.as_ref().map(|permission| format!("ask for the permission to {permission}"));
        Verdict::unknown(topic, format!("{}: {}", self.what, self.why), fix)
    }
}
