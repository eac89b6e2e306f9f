//! What the auth service gives to whom: decisions over pods, identities and times.

mod container;
mod legacy;
mod limit;
mod pace;
mod token;

pub use container::{NotNow, Verdict, may_ask, may_use};
pub use legacy::is_of_the_original;
pub use limit::{Limit, Limits};
pub use pace::Pace;
pub use token::{Claims, NotThisPod, claims};
