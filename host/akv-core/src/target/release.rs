//! Leaving a target that a resource no longer writes.

use super::live::Live;
use super::managed::FieldManager;

/// What to do with a target that is no longer wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// It was never ours, or is gone.
    Nothing,
    /// Nobody else has a part in it: delete this very object.
    Delete {
        /// What the deletion must name.
        uid: String,
        /// What the deletion must name.
        resource_version: String,
    },
    /// Others have a part in it: give up our fields, which removes our keys.
    Strip,
}

/// Decides how the resource with this uid and manager leaves `live`.
pub fn release(uid: &str, manager: &FieldManager, live: Option<&Live>) -> Release {
    match live {
        Some(live) if live.exclusive_to(uid, manager) => {
            Release::Delete { uid: live.uid.clone(), resource_version: live.resource_version.clone() }
        }
        Some(live) if live.belongs_to(uid, manager) => Release::Strip,
        _ => Release::Nothing,
    }
}
